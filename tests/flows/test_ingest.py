"""The flow `ingest`, each run in a process of its own, as a worker runs it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import State, StateType

from gateway.object_store.local import LocalObjectStore
from gateway.payloads.announcements import decode_message
from gateway.payloads.index import opened_payload_index
from gateway.payloads.payload import Payload
from gateway.wording import size
from tests.flows.running import Runs
from tests.gateway.events.conftest import prefect_events
from tests.gateway.receiving.scene import Scene
from tests.peers.minio import MinIO
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer
from tests.peers.run_logs import run_log
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Node:
    """A node with a spool, its store and the site's Prefect."""

    data_dir: Path
    spool: Scene
    prefect: PrefectServer
    runs: Runs

    @property
    def store(self) -> LocalObjectStore:
        return LocalObjectStore(self.data_dir / "objects", "monaideploy")

    def payload(self, instances: int = 3) -> Payload:
        """Receive a study, and let its group close."""
        sender = self.spool.associate()
        for number in range(instances):
            sender.send(sop=f"1.2.3.{number}")
        sender.end()
        (payload,) = self.spool.pass_time(5)
        return payload

    def ingest(self, payload_id: UUID | str, **environment: str) -> UUID:
        """Run the flow to its end; return the run's id."""
        settings = {"MIG_DATA_DIR": str(self.data_dir), "MIG_PREFECT__API_URL": self.prefect.api_url}
        return self.runs.begin("flows.ingest.ingest_payload", payload_id, settings | environment).ended()

    def state(self, run_id: UUID) -> State[Any]:
        with SyncPrefectClient(self.prefect.api_url) as client:
            state = client.read_flow_run(run_id).state
        assert state
        return state

    def log(self, run_id: UUID) -> list[str]:
        with SyncPrefectClient(self.prefect.api_url) as client:
            return run_log(client, run_id)

    def wait_for_tasks(self, run_id: UUID, expected: Mapping[str, StateType]) -> None:
        """Prefect records them as their events come in, which is after the run has ended."""
        wait_until(lambda: self._tasks(run_id) == expected, 30, f"the tasks of the run to be {expected}")

    def _tasks(self, run_id: UUID) -> dict[str, StateType | None]:
        with SyncPrefectClient(self.prefect.api_url) as client:
            runs = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])),
                task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run_id])),
            )
        return {run.name: run.state_type for run in runs}


@pytest.fixture
def node(tmp_path: Path, prefect: PrefectServer, runs: Runs) -> Node:
    return Node(tmp_path, Scene(tmp_path / "spool"), prefect, runs)


def announced(node: Node, payload: Payload) -> list[dict[str, Any]]:
    events = prefect_events(node.prefect.api_url)
    return [event["payload"] for event in events if event["payload"]["payload_id"] == str(payload.payload_id)]


def test_a_payload_is_stored_announced_and_cleared_away(node: Node) -> None:
    payload, before = node.payload(), datetime.now(UTC)
    run = node.ingest(payload.payload_id)
    assert node.state(run).type is StateType.COMPLETED
    uploaded = node.spool.area.uploaded(payload.payload_id)
    assert uploaded
    assert before < uploaded < datetime.now(UTC)
    node.wait_for_tasks(run, dict.fromkeys(("assemble", "upload", "notify", "clear"), StateType.COMPLETED))
    (event,) = announced(node, payload)
    stored = {stored.key for stored in node.store.list("")}
    told = {f"{payload.payload_id}/{file[kind]}" for file in event["payload"] for kind in ("path", "metadata")}
    assert stored == told
    assert event["file_count"] == 3
    assert list(node.spool.area.incoming.iterdir()) == []


def test_the_run_shows_what_was_stored_and_where(node: Node) -> None:
    payload = node.payload()
    node.ingest(payload.payload_id)
    with SyncPrefectClient(node.prefect.api_url) as client:
        artifacts = [each for each in client.read_artifacts() if each.key == f"payload-{payload.payload_id}"]
    (artifact,) = artifacts
    text = str(artifact.data)
    assert f"`monaideploy/{payload.payload_id}/`" in text
    assert "DIMSE CT01 → MIG" in text
    assert "| upload |" in text


def test_the_run_says_in_its_log_what_it_did(node: Node) -> None:
    payload = node.payload()
    log = node.log(node.ingest(payload.payload_id))
    below = f"monaideploy/{payload.payload_id}/"
    assert f"3 instances, {size(payload.bytes)}, of 1 study: verified" in log
    assert f"3 instances stored below {below}: 6 objects sent, 0 were there before" in log
    assert f"announced as md.workflow.request, message {payload.message_id}" in log


def test_nothing_of_a_patient_reaches_prefect(node: Node) -> None:
    sender = node.spool.associate()
    sender.send(patient="SECRET-PATIENT")
    sender.end()
    (payload,) = node.spool.pass_time(5)
    run = node.ingest(payload.payload_id)
    with SyncPrefectClient(node.prefect.api_url) as client:
        told = [client.read_flow_run(run).model_dump_json(), *(each.model_dump_json() for each in client.read_logs())]
        told += [each.model_dump_json() for each in client.read_artifacts()]
    assert "SECRET-PATIENT" not in json.dumps(told)


def test_a_damaged_instance_fails_the_run_at_once_and_nothing_is_deleted(node: Node) -> None:
    payload = node.payload()
    path = node.spool.area.root / payload.instances[1].file
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    state = node.state(node.ingest(payload.payload_id))
    assert state.type is StateType.FAILED
    assert "1 of 3 files are not what was received" in (state.message or "")
    assert node.spool.area.state(payload.payload_id) == "ready"
    assert announced(node, payload) == []


def test_a_store_that_refuses_us_is_waited_for_until_that_is_put_right(node: Node, minio: MinIO) -> None:
    payload, bucket = node.payload(), minio.new_bucket()
    store = {
        "kind": "s3",
        "endpoint": minio.endpoint,
        "bucket": bucket,
        "access_key": minio.access_key,
        "secret_key": "wrong",
        "secure": False,
    }
    refused = node.ingest(payload.payload_id, MIG_OBJECT_STORE=json.dumps(store))
    assert node.state(refused).name == "AwaitingRetry"
    assert "refuses the access key" in (node.state(refused).message or "")
    assert node.state(refused).message in node.log(refused)
    assert "or when it answers" in (node.state(refused).message or "")
    node.wait_for_tasks(refused, {"assemble": StateType.COMPLETED, "upload": StateType.FAILED})
    assert node.spool.area.uploaded(payload.payload_id) is None
    store["secret_key"] = minio.secret_key
    again = node.ingest(payload.payload_id, MIG_OBJECT_STORE=json.dumps(store))
    assert node.state(again).type is StateType.COMPLETED
    assert len(list(minio.client().list_objects(bucket, recursive=True))) == 6
    assert len(announced(node, payload)) == 1


def test_a_payload_that_was_announced_before_is_only_cleared_away(node: Node) -> None:
    payload = node.payload()
    node.spool.area.finish(payload.payload_id)
    state = node.state(node.ingest(payload.payload_id))
    told = f"announced before; to have it announced again: mig payload announce {payload.payload_id}"
    assert (state.type, state.message) == (StateType.COMPLETED, told)
    assert node.spool.area.state(payload.payload_id) is None
    assert list(node.spool.area.incoming.iterdir()) == []
    assert announced(node, payload) == []


def test_what_it_was_announced_with_is_kept_and_a_run_started_once_more_says_what_that_is_for(node: Node) -> None:
    payload = node.payload()
    with opened_payload_index(f"sqlite:///{node.data_dir}/gateway.db") as index:
        index.record(payload)
        node.ingest(payload.payload_id)
        kept = decode_message(node.spool.area.announcement(payload.payload_id).read_bytes())
        assert [json.loads(kept.body)] == announced(node, payload)
        index.note_announced(payload.payload_id, datetime(2026, 3, 1, 13, 0, tzinfo=UTC))
        told = node.state(node.ingest(payload.payload_id)).message or ""
    assert told.startswith("announced before at 2026-03-01 13:00:00 UTC; to have it announced again: mig payload ann")


def test_a_payload_that_is_gone_needs_nothing(node: Node) -> None:
    payload = node.payload()
    with opened_payload_index(f"sqlite:///{node.data_dir}/gateway.db") as index:
        index.record(payload)
    node.spool.area.finish(payload.payload_id)
    node.spool.area.remove(payload)
    assert node.state(node.ingest(payload.payload_id)).type is StateType.COMPLETED


def test_of_a_payload_that_nobody_has_heard_of_no_success_is_told(node: Node) -> None:
    """A typing slip at the dashboard, or a spool that was lost; with the database away it may have been here."""
    state = node.state(node.ingest(stranger := uuid4()))
    assert (state.type, state.message) == (
        StateType.FAILED,
        f"no payload {stranger} was ever received on this node, as far as its index knows",
    )
    away = {"MIG_DATABASE__URL": f"postgresql+psycopg://gateway@127.0.0.1:{free_port()}/gateway"}
    assert node.state(node.ingest(stranger, **away)).type is StateType.COMPLETED


def test_what_is_no_id_is_said_so_and_quoted_nowhere(node: Node) -> None:
    run_id = node.ingest("../../SMITH^JOHN")
    told = "payload_id is no id: 32 hexadecimal digits, as the list of payloads shows them"
    state = node.state(run_id)
    assert (state.type, state.message) == (StateType.FAILED, told)
    assert "SMITH" not in "\n".join(node.log(run_id))


def test_repeats_carry_the_same_ids(node: Node) -> None:
    payload = node.payload()
    manifest = (node.spool.area.ready / f"{payload.payload_id}.json").read_bytes()
    files = {path: path.read_bytes() for path in node.spool.area.incoming.rglob("*.dcm")}
    node.ingest(payload.payload_id)
    for path, content in files.items():  # as after a crash before the manifest moved to `done/`
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (node.spool.area.ready / f"{payload.payload_id}.json").write_bytes(manifest)
    node.ingest(payload.payload_id)
    assert len(announced(node, payload)) == 1, "the same event, not another"
    assert len({stored.key for stored in node.store.list("")}) == 6
