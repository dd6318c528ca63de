"""Cancel in the dashboard."""

from pathlib import Path

from prefect.client.schemas.actions import DeploymentUpdate

from tests.deployments.conftest import SLOW_TO_IMPORT, NewWorker
from tests.deployments.operator import Operator, on_both_databases
from tests.deployments.roles import WorkerProcess
from tests.deployments.worker.runs import GatedRun, is_alive, started
from tests.waiting import wait_until


@on_both_databases
def test_cancel_ends_a_running_run_in_order(shared_worker: WorkerProcess, operator: Operator, tmp_path: Path) -> None:
    begun, tidied = tmp_path / "begun", tmp_path / "tidied"
    run_id = operator.trigger("example-orderly/orderly", {"started": str(begun), "tidied": str(tidied)})
    wait_until(lambda: started(begun), 20, "the run to begin")
    operator.cancel(run_id)
    operator.wait_for(run_id, "Cancelled")
    assert tidied.exists()
    assert not is_alive(started(begun)[0])


def test_cancel_kills_a_run_that_will_not_end_and_what_it_started(
    new_worker: NewWorker, operator: Operator, tmp_path: Path
) -> None:
    new_worker(MIG_WORKER__CANCEL_SECONDS="1")  # 30 are the default
    begun = tmp_path / "begun"
    run_id = operator.trigger("example-stubborn/stubborn", {"started": str(begun)})
    wait_until(lambda: len(started(begun)) == 2, 20, "the run to begin")
    operator.cancel(run_id)
    operator.wait_for(run_id, "Cancelled")
    wait_until(lambda: not any(map(is_alive, started(begun))), 20, "its processes to end")


@on_both_databases
def test_cancel_ends_a_run_that_is_still_pending(shared_worker: WorkerProcess, operator: Operator) -> None:
    deployment = operator.client.read_deployment_by_name("example-trivial/trivial")
    operator.client.update_deployment(deployment.id, DeploymentUpdate(entrypoint=SLOW_TO_IMPORT))
    run_id = operator.trigger("example-trivial/trivial")
    operator.wait_for(run_id, "Pending", within_seconds=30)
    operator.cancel(run_id)
    operator.wait_for(run_id, "Cancelled")


@on_both_databases
def test_cancel_of_a_waiting_run_takes_effect_at_once(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run_id = operator.trigger("example-waiting/waiting", {"marker": str(tmp_path / "marker"), "seconds": 600})
    operator.wait_for(run_id, "AwaitingRetry")
    wait_until(lambda: operator.run(run_id).infrastructure_pid is None, 5, "its process to be forgotten")
    operator.cancel(run_id)
    assert operator.state(run_id).name == "Cancelled"


def test_a_cancelled_run_leaves_the_others_alone(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    one, other = GatedRun(operator, tmp_path, "one"), GatedRun(operator, tmp_path, "other")
    one.wait_until_running()
    other.wait_until_running()
    operator.cancel(one.run_id)
    operator.wait_for(one.run_id, "Cancelled")
    other.finish()


def test_a_cancelled_run_is_retried_from_the_dashboard(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    run.wait_until_running()
    operator.cancel(run.run_id)
    operator.wait_for(run.run_id, "Cancelled")
    operator.retry(run.run_id)
    run.wait_until_running(tries=2)
    run.finish()
