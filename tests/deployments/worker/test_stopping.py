"""SIGTERM, once and twice."""

import signal
from pathlib import Path

import pytest

from tests.deployments.conftest import NewWorker
from tests.deployments.operator import Operator, on_both_databases
from tests.deployments.roles import WorkerProcess
from tests.deployments.worker.runs import GatedRun, is_alive
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import PeerFailed


def test_an_idle_worker_ends_at_once_and_leaves_nobody(worker: WorkerProcess) -> None:
    worker.signal(signal.SIGTERM)
    assert worker.wait_for_end(within_seconds=5) == 0
    worker.wait_until_alone(within_seconds=5)


def test_a_stopped_worker_waits_for_its_runs_and_takes_no_more(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    worker.signal(signal.SIGTERM)
    worker.wait_for_log("stopping when the runs in hand have ended")
    late = operator.trigger("example-trivial/trivial")
    run.finish()
    assert worker.wait_for_end(within_seconds=10) == 0
    worker.wait_until_alone(within_seconds=5)
    assert operator.state(late).name in {"Scheduled", "Late"}


def test_a_run_may_still_be_cancelled_while_the_worker_drains(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    worker.signal(signal.SIGTERM)
    operator.cancel(run.run_id)
    operator.wait_for(run.run_id, "Cancelled", within_seconds=10)
    assert worker.wait_for_end(within_seconds=10) == 0


@on_both_databases
def test_a_second_sigterm_ends_the_worker_at_once_and_puts_its_runs_back(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    child = run.wait_until_running()
    worker.signal(signal.SIGTERM)
    worker.wait_for_log("stopping when the runs in hand have ended")
    worker.signal(signal.SIGTERM)
    assert worker.wait_for_end(within_seconds=5) == 0
    assert not is_alive(child)
    assert operator.state(run.run_id).name == "AwaitingRetry"
    worker.start()
    run.wait_until_running(tries=2)
    run.finish()


def test_draining_has_an_end(new_worker: NewWorker, operator: Operator, tmp_path: Path) -> None:
    worker = new_worker(MIG_WORKER__DRAIN_SECONDS="1")
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    worker.signal(signal.SIGTERM)
    assert worker.wait_for_end(within_seconds=8) == 0
    assert operator.state(run.run_id).name == "AwaitingRetry"


def test_a_worker_that_can_not_reach_prefect_still_ends(
    worker: WorkerProcess, operator: Operator, prefect: PrefectServer, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    prefect.server.kill()
    worker.signal(signal.SIGTERM)
    worker.wait_for_log("stopping when the runs in hand have ended")
    worker.signal(signal.SIGTERM)
    assert worker.wait_for_end(within_seconds=8) == 0
    worker.wait_until_alone(within_seconds=5)
    prefect.server.start()
    worker.start()
    run.wait_until_running(tries=2)
    run.finish()


def test_there_is_one_worker_for_a_data_directory(worker: WorkerProcess) -> None:
    second = WorkerProcess(worker.directory, "http://127.0.0.1:9/api", "pool", {}, name="second")
    with pytest.raises(PeerFailed, match=r"`mig worker` runs on it already, as process \d+"):
        second.start()
