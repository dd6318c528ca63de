"""Work of every kind, killed at each of its steps: the next run ends it, and nothing is lost or told in two ways."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.acr.submission import read_submission
from gateway.config import Settings
from gateway.exports.request import read_export_request
from gateway.exports.states import ExportState
from gateway.inference.row import RequestState
from gateway.kinds import KINDS
from gateway.node_context import NodeContext
from tests.gateway.acr.requests import as_body, inference_request
from tests.gateway.dimse.raw_pacs import RawPacs, raw_pacs
from tests.gateway.events.payloads import payload
from tests.gateway.exports.scene import pacs_destination, request_body
from tests.gateway.object_store.uploads import upload
from tests.gateway.part10_files import write_files
from tests.gateway.receiving.scene import Scene as Spool
from tests.gateway.work.killed import RUNS, carry_out, told

MOST_STEPS = 100

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.gateway.work.killed"])


@pytest.fixture(scope="module")
def pacs() -> Iterator[RawPacs]:
    with raw_pacs() as pacs:
        yield pacs


def new_payload(node: NodeContext, _pacs: RawPacs) -> UUID:
    spool = Spool(node.settings.data_dir / "spool")
    sender = spool.associate()
    for number in range(2):
        sender.send(sop=f"1.2.3.{number}")
    sender.end()
    (closed,) = spool.pass_time(5)
    spool.crash()
    return closed.payload_id


def new_request(node: NodeContext, _pacs: RawPacs) -> UUID:
    (node.settings.data_dir / "fetched.json").write_text(payload().model_dump_json())
    submission = read_submission(
        as_body(inference_request(transaction_id=str(uuid4()))), allow_credentials_over_http=True
    )
    return node.requests.accept(submission, None, datetime.now(UTC))


def new_export(node: NodeContext, pacs: RawPacs) -> UUID:
    keys = []
    for file in write_files(node.settings.data_dir, 2):
        keys.append(f"p/{file.sop_instance_uid}.dcm")
        node.object_store.put(upload(keys[-1], file.path.read_bytes()))
    (node.settings.data_dir / "pacs.json").write_text(pacs_destination(pacs).model_dump_json())
    request = read_export_request(request_body(keys, ["pacs"]), "monaiscu")
    node.exports.record(request, datetime.now(UTC))
    return request.export_id


def payload_is_done(node: NodeContext, work_id: UUID) -> None:
    assert node.received.state(work_id) is None
    assert [path for path in node.received.root.rglob("*.dcm") if path.stat().st_size] == []
    assert len(list(node.object_store.list(f"{work_id}/"))) == 4, "two instances, each with its model"


def request_is_done(node: NodeContext, work_id: UUID) -> None:
    row = node.requests.find(work_id)
    assert row
    assert (row.state, row.holds_credentials) == (RequestState.COMPLETED, False)


def export_is_done(node: NodeContext, work_id: UUID) -> None:
    row = node.exports.row(work_id)
    assert row
    assert (row.state, row.settlements) == (ExportState.SUCCEEDED, 1)


NEW: dict[str, Callable[[NodeContext, RawPacs], UUID]] = {
    "payload": new_payload,
    "request": new_request,
    "export": new_export,
}
DONE: dict[str, Callable[[NodeContext, UUID], None]] = {
    "payload": payload_is_done,
    "request": request_is_done,
    "export": export_is_done,
}


def test_every_kind_is_killed_here() -> None:
    assert set(NEW) == set(DONE) == set(RUNS) == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(NEW))
def test_killed_at_any_step_the_next_run_ends_it(kind: str, tmp_path: Path, pacs: RawPacs) -> None:
    for step in count(1):
        assert step < MOST_STEPS
        data_dir = tmp_path / str(step)
        data_dir.mkdir()
        with closing(NodeContext(Settings(data_dir=data_dir))) as node:
            work_id = NEW[kind](node, pacs)
        process = _processes.Process(target=carry_out, args=(kind, data_dir, work_id, step))
        process.start()
        process.join(60)
        assert process.exitcode in {0, -signal.SIGKILL}, f"at step {step}"
        with closing(NodeContext(Settings(data_dir=data_dir))) as node:
            carry_out(kind, data_dir, work_id, 0)
            DONE[kind](node, work_id)
        assert len(told(data_dir / "events")) == 1, "told in one way, however often"
        if process.exitcode == 0:
            assert step > 3, "it was killed at some steps before"
            return
