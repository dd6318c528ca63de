"""A worker, a child or Prefect dies: no run is lost, none runs twice at once."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Pending, Running

from tests.deployments.conftest import NewWorker
from tests.deployments.operator import Operator, on_both_databases, scheduled_at
from tests.deployments.roles import WorkerProcess
from tests.deployments.worker.runs import GatedRun, is_alive
from tests.peers.prefect_server import PrefectServer
from tests.waiting import wait_until


def test_no_child_outlives_a_killed_worker(worker: WorkerProcess, operator: Operator, tmp_path: Path) -> None:
    child = GatedRun(operator, tmp_path).wait_until_running()
    worker.signal(signal.SIGKILL)
    wait_until(lambda: not is_alive(child), 3, "the child to end")
    worker.wait_until_alone(within_seconds=10)


@on_both_databases
def test_a_run_of_a_killed_worker_starts_again_with_the_next_life(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    worker.signal(signal.SIGKILL)
    worker.wait_until_alone(within_seconds=10)
    worker.start()
    run.wait_until_running(tries=2)
    run.finish()
    assert operator.run(run.run_id).run_count == 2


def test_a_run_cancelled_while_its_worker_was_dead_ends_with_the_next_life(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    worker.signal(signal.SIGKILL)
    worker.wait_until_alone(within_seconds=10)
    operator.cancel(run.run_id)
    worker.start()
    operator.wait_for(run.run_id, "Cancelled", within_seconds=5)


def test_a_run_found_in_the_workers_name_but_not_in_its_hands_starts_again(
    shared_worker: WorkerProcess, operator: Operator
) -> None:
    later = scheduled_at(datetime.now(UTC) + timedelta(hours=1))
    run_id = operator.trigger("example-trivial/trivial", state=later)
    claimed: State[Any] = Pending(message=f"Claimed by worker {shared_worker.node.worker_name}.")
    operator.client.set_flow_run_state(run_id, claimed, force=True)
    operator.wait_for(run_id, "Completed", within_seconds=40)


def test_a_running_run_of_another_worker_is_left_alone(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run_id = operator.trigger("example-trivial/trivial", work_queue_name="node-elsewhere")
    operator.client.set_flow_run_state(run_id, Running(), force=True)
    operator.client.update_flow_run(run_id, infrastructure_pid="another-worker:4711")
    worker.server.stop()
    worker.start()
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed")
    assert operator.state(run_id).name == "Running"


@on_both_databases
def test_a_run_goes_on_while_prefect_is_killed_and_comes_back(
    shared_worker: WorkerProcess, operator: Operator, prefect: PrefectServer, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    prefect.server.kill()
    prefect.server.start()
    run.finish()
    assert operator.run(run.run_id).run_count == 1


def test_a_run_that_ends_while_prefect_is_away_completes_when_it_is_back(
    worker: WorkerProcess, operator: Operator, prefect: PrefectServer, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    prefect.server.kill()
    run.gate.touch()
    worker.wait_for_log("Prefect is away")
    prefect.server.start()
    operator.wait_for(run.run_id, "Completed", within_seconds=60)
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed")


@on_both_databases
def test_a_child_that_dies_while_prefect_is_away_is_reported_when_it_is_back(
    worker: WorkerProcess, operator: Operator, prefect: PrefectServer, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    child = run.wait_until_running()
    prefect.server.kill()
    os.kill(child, signal.SIGKILL)
    worker.wait_for_log("run ended")
    prefect.server.start()
    operator.wait_for(run.run_id, "Crashed", within_seconds=30)


def test_an_outage_is_logged_once(worker: WorkerProcess, operator: Operator, prefect: PrefectServer) -> None:
    prefect.server.kill()
    worker.wait_for_log("Prefect is away")
    prefect.server.start()
    worker.wait_for_log("Prefect is back")
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed", within_seconds=30)
    assert worker.log.count("Prefect is away") == 1


def test_a_worker_that_starts_before_prefect_waits_for_it(
    new_worker: NewWorker, operator: Operator, prefect: PrefectServer
) -> None:
    worker = new_worker()
    worker.server.stop()
    prefect.server.stop()
    worker.server.is_ready = lambda: "Prefect is away" in worker.log  # as far as it can get
    worker.start()
    prefect.server.start()
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed", within_seconds=40)
