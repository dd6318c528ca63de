"""Runs of every kind of work, without Prefect, in a process that dies at a step of its choice.

A step is what stays behind: a commit of the database, a file that gets its name or loses it.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import Engine, event

from gateway.config import DimseDestination, Settings
from gateway.destinations.registered import Destinations
from gateway.events import Message
from gateway.events.outbox import Outbox
from gateway.exports import lease as export_lease
from gateway.exports.area import working_area
from gateway.exports.run import ExportRun
from gateway.inference import lease as request_lease
from gateway.node_context import NodeContext
from gateway.payloads.assembly import assemble
from gateway.payloads.payload import Payload
from gateway.payloads.storing import PayloadUpload
from gateway.payloads.workflow_request import workflow_request
from gateway.spool import lease as spool_lease
from tests.clock import MovableClock
from tests.events import NeverStopping

BUCKET = "monaideploy"
_LATER_NS = 300 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Filing:
    """A broker that files what it is told under the message's id, and counts in a second directory."""

    directory: Path

    def publish(self, message: Message) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = self.directory / f".{uuid4()}"
        temporary.write_bytes(message.body)
        temporary.rename(self.directory / str(message.message_id))

    def check(self) -> None:
        return

    def close(self) -> None:
        return


def told(directory: Path) -> list[dict[str, object]]:
    """What was told, each message once."""
    return [json.loads(file.read_bytes()) for file in directory.glob("[!.]*")] if directory.is_dir() else []


def run_payload(node: NodeContext, work_id: UUID, broker: Filing) -> None:
    """As flows/ingest does."""
    received = node.received
    if received.state(work_id) is None:
        return
    payload = received.read(work_id)
    if received.state(work_id) == "ready":
        lease = spool_lease.take(received.lease_file(work_id), work_id)
        assemble(received, payload, lambda _: None)
        lease.check()
        PayloadUpload(node.object_store, received, payload).run(1, lambda _: None)
        lease.check()
        broker.publish(workflow_request(payload, BUCKET))
        with lease.guarding():
            received.finish(work_id)
    received.remove(payload)


def run_request(node: NodeContext, work_id: UUID, broker: Filing) -> None:
    """As flows/retrieval does, for a payload whose files are fetched."""
    lease = request_lease.take(node.requests, work_id, uuid4(), node.now())
    if lease is None:
        return
    if not lease.row().uploaded:
        lease.keep_payload(_fetched(node.settings.data_dir, lease.row().payload_id))
        lease.note_uploaded(node.now())
    broker.publish(workflow_request(lease.payload(), BUCKET))
    lease.complete(node.now())


def run_export(node: NodeContext, work_id: UUID, broker: Filing) -> None:
    """As flows/export and the dispatcher do."""
    lease = export_lease.take(node.database, work_id, uuid4())
    if lease:
        run = ExportRun(lease, _destinations(node), node.circuits, NeverStopping(), node.now)
        with working_area(node.settings.data_dir / "exports", work_id, lease.fencing_token) as area:
            rows = run.prepare()
            run.fetch([row.position for row in rows], node.object_store, area, reserve_bytes=0)
            for row in rows:
                run.send(row.position, area)
        run.settle()
    while Outbox(node.database).publish_next(broker, node.now()):
        pass


RUNS: Mapping[str, Callable[[NodeContext, UUID, Filing], None]] = {
    "payload": run_payload,
    "request": run_request,
    "export": run_export,
}


def carry_out(kind: str, data_dir: Path, work_id: UUID, die_at: int) -> None:
    """Carry work out, to its end or to a step, counted from 1, at which this process is killed.

    With 0 it is the next run, some minutes later: nobody has a claim on anything any more.
    """
    if die_at:
        _die_at(die_at)
    clock = MovableClock(time.time_ns() + (0 if die_at else _LATER_NS))
    with closing(NodeContext(Settings(data_dir=data_dir), clock)) as node:
        RUNS[kind](node, work_id, Filing(data_dir / "events"))


def _die_at(number: int) -> None:
    left = number

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(lambda name, _: step() if name in {"os.rename", "os.remove", "os.rmdir"} else None)
    event.listen(Engine, "commit", lambda _connection: step())


def _fetched(data_dir: Path, payload_id: UUID) -> Payload:
    payload = Payload.model_validate_json((data_dir / "fetched.json").read_bytes())
    return payload.model_copy(update={"payload_id": payload_id})


def _destinations(node: NodeContext) -> Destinations:
    settings = DimseDestination.model_validate_json((node.settings.data_dir / "pacs.json").read_bytes())
    return Destinations({"pacs": settings}, node.settings.scu.agent_name)
