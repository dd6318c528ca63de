"""The dispatcher as a process: from a manifest in `ready/` to a run that stands for it."""

import signal
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun

from gateway.payloads.index import opened_payload_index
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, PayloadRow
from tests.deployments.operator import Operator, on_both_databases
from tests.deployments.payloads import made_payload, put_into_ready
from tests.deployments.roles import DispatcherProcess, WorkerProcess
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import PeerFailed
from tests.waiting import wait_until


class Scene:
    """A spool with its dispatcher."""

    def __init__(self, dispatcher: DispatcherProcess, operator: Operator) -> None:
        self.dispatcher, self.operator = dispatcher, operator
        self._closed = timedelta(0)

    def put(self, instances: int = 3) -> UUID:
        return put_into_ready(self.dispatcher.area, self.payload(instances))

    def payload(self, instances: int = 3) -> Payload:
        """Closed after those that were made before."""
        made = made_payload(self.dispatcher.node.node_id, instances)
        self._closed += timedelta(seconds=1)
        return made.model_copy(update={"closed": made.closed + self._closed})

    def run_of(self, payload_id: UUID, attempt: int = 1) -> FlowRun | None:
        key = FlowRunFilterIdempotencyKey(any_=[f"{payload_id}:{attempt}"])
        found = self.operator.client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=key))
        return found[0] if found else None

    def wait_for_run(self, payload_id: UUID, attempt: int = 1, within_seconds: float = 60) -> FlowRun:
        run = wait_until(lambda: self.run_of(payload_id, attempt), within_seconds, f"run number {attempt}")
        assert run
        return run

    def row(self, payload_id: UUID) -> PayloadRow | None:
        with opened_payload_index(f"sqlite:///{self.dispatcher.data_dir}/gateway.db") as index:
            return index.row(payload_id)

    def wait_for_row(self, payload_id: UUID, state: Dispatch) -> PayloadRow:
        def row() -> PayloadRow | None:
            found = self.row(payload_id)
            return found if found and found.state is state else None

        row_found = wait_until(row, 60, f"the payload to be {state}")
        assert row_found
        return row_found

    def instead(self, what: str) -> None:
        (self.dispatcher.data_dir / "instead").write_text(what)

    def put_right(self) -> None:
        (self.dispatcher.data_dir / "instead").unlink(missing_ok=True)
        self.dispatcher.broker.touch()


@pytest.fixture
def scene(tmp_path: Path, prefect: PrefectServer, operator: Operator, work_pool: str) -> Iterator[Scene]:
    dispatcher = DispatcherProcess(tmp_path, prefect.api_url, work_pool, {})
    dispatcher.area.make()
    dispatcher.start()
    yield Scene(dispatcher, operator)
    dispatcher.server.kill()


@pytest.fixture(scope="module")
def _shared_dispatchers() -> Iterator[dict[str, DispatcherProcess]]:
    """By the Prefect server that they work with."""
    started: dict[str, DispatcherProcess] = {}
    yield started
    for dispatcher in started.values():
        dispatcher.server.kill()


@pytest.fixture
def shared_scene(
    shared_worker: WorkerProcess,
    operator: Operator,
    prefect: PrefectServer,
    _shared_dispatchers: dict[str, DispatcherProcess],
) -> Scene:
    """With a worker, for tests that leave both processes as they are; the broker is away, and nothing done instead."""
    if prefect.api_url not in _shared_dispatchers:
        dispatcher = DispatcherProcess(shared_worker.directory, prefect.api_url, shared_worker.work_pool, {})
        dispatcher.area.make()
        _shared_dispatchers[prefect.api_url] = dispatcher.start()
    scene = Scene(_shared_dispatchers[prefect.api_url], operator)
    scene.put_right()
    scene.dispatcher.broker.unlink()
    return scene


@on_both_databases
def test_a_payload_gets_one_run_in_the_queue_of_its_node(scene: Scene) -> None:
    payload_id = scene.put(instances=324)
    run = scene.wait_for_run(payload_id)
    assert run.name == f"MIG ← CT01, 324 instances, {str(payload_id)[:8]}"
    assert run.parameters == {"payload_id": str(payload_id)}
    assert run.work_queue_name == scene.dispatcher.node.work_queue
    assert {"to MIG", "from CT01"} <= set(run.tags)
    row = scene.wait_for_row(payload_id, Dispatch.DISPATCHED)
    assert (row.flow_run_id, row.attempt, row.instances) == (run.id, 1, 324)


def test_what_was_ready_before_the_start_is_dispatched(scene: Scene) -> None:
    scene.dispatcher.server.stop()
    payload_id = scene.put()
    scene.dispatcher.start()
    scene.wait_for_run(payload_id)


def test_a_payload_that_leaves_ready_is_announced(shared_scene: Scene) -> None:
    shared_scene.put_right()
    payload_id = shared_scene.put()
    shared_scene.wait_for_row(payload_id, Dispatch.ANNOUNCED)
    assert shared_scene.dispatcher.area.state(payload_id) == "done"


def test_a_dispatcher_killed_at_any_moment_makes_no_second_run(scene: Scene) -> None:
    payloads = []
    for _ in range(3):
        payloads.append(scene.put())
        scene.dispatcher.signal(signal.SIGKILL)
        scene.dispatcher.wait_for_end(5)
        scene.dispatcher.start()
    for payload_id in payloads:
        scene.wait_for_row(payload_id, Dispatch.DISPATCHED)
        assert scene.run_of(payload_id, attempt=2) is None


def test_a_lost_database_is_filled_again_from_the_spool(scene: Scene) -> None:
    payload_id = scene.put()
    run = scene.wait_for_run(payload_id)
    scene.dispatcher.server.stop()
    for file in scene.dispatcher.data_dir.glob("gateway.db*"):
        file.unlink()
    scene.dispatcher.start()
    assert scene.wait_for_row(payload_id, Dispatch.DISPATCHED).flow_run_id == run.id
    assert scene.run_of(payload_id, attempt=2) is None


def test_a_busy_database_is_waited_for(scene: Scene) -> None:
    database = sqlite3.connect(scene.dispatcher.data_dir / "gateway.db", isolation_level=None)
    scene.wait_for_run(scene.put())
    database.execute("BEGIN EXCLUSIVE")
    payload_id = scene.put()
    scene.dispatcher.wait_for_log("the database is away")
    database.execute("ROLLBACK")
    database.close()
    scene.wait_for_run(payload_id)


def test_a_crashed_run_is_followed_by_another(shared_scene: Scene) -> None:
    shared_scene.instead("crash")
    payload_id = shared_scene.put()
    first = shared_scene.wait_for_run(payload_id)
    shared_scene.operator.wait_for(first.id, "Crashed")
    shared_scene.put_right()
    second = shared_scene.wait_for_run(payload_id, attempt=2)
    shared_scene.operator.wait_for(second.id, "Completed")
    assert shared_scene.wait_for_row(payload_id, Dispatch.ANNOUNCED).attempt == 2


@on_both_databases
def test_a_deleted_run_is_followed_by_another(scene: Scene) -> None:
    payload_id = scene.put()
    scene.operator.client.delete_flow_run(scene.wait_for_run(payload_id).id)
    scene.wait_for_run(payload_id, attempt=2)


def test_a_run_that_completes_without_having_announced_is_followed_by_another(shared_scene: Scene) -> None:
    shared_scene.instead("complete")
    payload_id = shared_scene.put()
    shared_scene.operator.wait_for(shared_scene.wait_for_run(payload_id).id, "Completed")
    shared_scene.put_right()
    shared_scene.wait_for_run(payload_id, attempt=2)
    shared_scene.wait_for_row(payload_id, Dispatch.ANNOUNCED)


def test_a_failed_or_cancelled_run_waits_for_the_operator(shared_scene: Scene) -> None:
    shared_scene.instead("fail")
    failed = shared_scene.put()
    shared_scene.operator.wait_for(shared_scene.wait_for_run(failed).id, "Failed")
    shared_scene.instead("wait")
    cancelled = shared_scene.put()
    run = shared_scene.wait_for_run(cancelled)
    shared_scene.operator.wait_for(run.id, "AwaitingRetry")
    shared_scene.operator.cancel(run.id)
    shared_scene.operator.wait_for(run.id, "Cancelled")
    crashed = shared_scene.put()
    shared_scene.operator.client.delete_flow_run(shared_scene.wait_for_run(crashed).id)
    shared_scene.wait_for_run(crashed, attempt=2)  # by when all were looked at
    assert shared_scene.run_of(failed, attempt=2) is None
    assert shared_scene.run_of(cancelled, attempt=2) is None
    shared_scene.put_right()
    for payload_id in (failed, cancelled):
        shared_scene.operator.retry(shared_scene.wait_for_run(payload_id).id)
        shared_scene.wait_for_row(payload_id, Dispatch.ANNOUNCED)


@on_both_databases
def test_waiting_runs_go_on_as_soon_as_the_broker_answers(shared_scene: Scene) -> None:
    payloads = [shared_scene.put() for _ in range(3)]
    for payload_id in payloads:
        shared_scene.operator.wait_for(shared_scene.wait_for_run(payload_id).id, "AwaitingRetry")
    shared_scene.put_right()
    for payload_id in payloads:
        shared_scene.wait_for_row(payload_id, Dispatch.ANNOUNCED)
        assert shared_scene.run_of(payload_id, attempt=2) is None


def test_a_deployment_that_was_deleted_is_registered_again(scene: Scene) -> None:
    scene.wait_for_run(scene.put())
    deployment = scene.operator.client.read_deployment_by_name("example-ingest/ingesting")
    scene.operator.client.delete_deployment(deployment.id)
    scene.wait_for_run(scene.put())


def test_a_manifest_that_can_not_be_read_holds_nobody_up(scene: Scene) -> None:
    damaged = scene.payload()
    (scene.dispatcher.area.ready / f"{damaged.payload_id}.json").write_text("{")
    scene.dispatcher.wait_for_log(f"payload can't be dispatched payload={damaged.payload_id}")
    scene.wait_for_run(scene.put())
    assert scene.dispatcher.log.count("payload can't be dispatched") == 1


@on_both_databases
def test_a_backlog_is_dispatched_in_order(scene: Scene) -> None:
    scene.dispatcher.server.stop()
    payloads = [scene.put() for _ in range(20)]
    scene.dispatcher.start()
    created = [scene.wait_for_run(payload_id, within_seconds=60).created for payload_id in payloads]
    assert created == sorted(filter(None, created))


def test_sigterm_ends_the_dispatcher_at_once(scene: Scene) -> None:
    scene.dispatcher.signal(signal.SIGTERM)
    assert scene.dispatcher.wait_for_end(within_seconds=10) == 0


def test_there_is_one_dispatcher_for_a_data_directory(scene: Scene) -> None:
    second = DispatcherProcess(scene.dispatcher.directory, "http://127.0.0.1:9/api", "pool", {}, name="second")
    with pytest.raises(PeerFailed, match=r"`mig dispatch` runs on it already, as process \d+"):
        second.start()


@on_both_databases
def test_payloads_wait_while_prefect_is_away_and_it_is_said_once(scene: Scene, prefect: PrefectServer) -> None:
    prefect.server.kill()
    payload_id = scene.put()
    scene.wait_for_row(payload_id, Dispatch.RECORDED)
    scene.dispatcher.wait_for_log("Prefect is away")
    prefect.server.start()
    scene.wait_for_run(payload_id)
    scene.dispatcher.wait_for_log("Prefect is back")
    assert scene.dispatcher.log.count("Prefect is away") == 1


def test_a_dispatcher_that_starts_before_prefect_waits_for_it(scene: Scene, prefect: PrefectServer) -> None:
    scene.dispatcher.server.stop()
    prefect.server.stop()
    payload_id = scene.put()
    scene.dispatcher.start()
    scene.dispatcher.wait_for_log("Prefect is away")
    prefect.server.start()
    scene.wait_for_run(payload_id)
