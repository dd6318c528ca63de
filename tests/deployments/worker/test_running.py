"""A run from its trigger to its end."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deployments.conftest import NewWorker
from tests.deployments.operator import Operator, on_both_databases, scheduled_at
from tests.deployments.roles import WorkerProcess
from tests.deployments.worker.runs import GatedRun
from tests.waiting import wait_until


@on_both_databases
def test_a_run_goes_through_its_tasks_and_completes(shared_worker: WorkerProcess, operator: Operator) -> None:
    run_id = operator.trigger("example-trivial/trivial")
    operator.wait_for(run_id, "Completed")
    assert [state.name for state in operator.history(run_id)] == ["Scheduled", "Pending", "Running", "Completed"]


def test_an_async_flow_runs_as_well(shared_worker: WorkerProcess, operator: Operator) -> None:
    operator.wait_for(operator.trigger("example-async/asynchronous"), "Completed")


@pytest.mark.parametrize("is_a_file", [True, False])
def test_code_that_only_prefect_names_is_not_run(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path, is_a_file: bool
) -> None:
    """Who may write to Prefect's API makes a deployment of any file that the worker can read, and starts it."""
    ran, name = tmp_path / "ran", f"strange_{uuid4().hex}"
    file = Path(__file__).parent / f"{name}.py"
    strange = f"{file}:strange" if is_a_file else f"tests.deployments.worker.{name}.strange"
    file.write_text(f"open({str(ran)!r}, 'w').close()\nfrom prefect import flow\n\n@flow\ndef strange(): pass\n")
    try:
        flow_id = operator.client.create_flow_from_name("strange")
        deployment = operator.client.create_deployment(
            flow_id,
            name,
            entrypoint=strange,
            work_pool_name=shared_worker.work_pool,
            work_queue_name=shared_worker.node.work_queue,
        )
        run_id = operator.client.create_flow_run_from_deployment(deployment).id
        refused = operator.wait_for(run_id, "Failed")
        assert f"its deployment names '{strange}'. A flow of the site's own is named in worker.other_flows" in (
            refused.message or ""
        )
        assert not ran.exists()
    finally:
        file.unlink()


def test_a_run_has_a_process_of_its_own_that_prefect_can_name(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run = GatedRun(operator, tmp_path)
    process = run.wait_until_running()
    assert operator.run(run.run_id).infrastructure_pid == f"{shared_worker.node.worker_name}:{process}"
    assert os.getsid(process) == process
    run.finish()


@on_both_databases
def test_no_more_runs_go_on_at_once_than_there_are_places(
    new_worker: NewWorker, operator: Operator, tmp_path: Path
) -> None:
    new_worker(MIG_WORKER__RUNS_AT_ONCE="2")
    first, second = GatedRun(operator, tmp_path, "first"), GatedRun(operator, tmp_path, "second")
    first.wait_until_running()
    second.wait_until_running()
    third = GatedRun(operator, tmp_path, "third")
    first.finish()
    third.wait_until_running()
    assert operator.names(third.run_id)[1] == "Pending"  # and nothing before: it was not claimed in vain
    second.finish()
    third.finish()


@on_both_databases
def test_a_failed_run_is_retried_from_the_dashboard_and_completes(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    marker = tmp_path / "put right"
    run_id = operator.trigger("example-failing-once/failing_once", {"marker": str(marker)})
    assert "told to fail" in (operator.wait_for(run_id, "Failed").message or "")
    marker.touch()
    operator.retry(run_id)
    operator.wait_for(run_id, "Completed")


@on_both_databases
def test_a_killed_child_is_a_crashed_run_that_says_how(shared_worker: WorkerProcess, operator: Operator) -> None:
    run_id = operator.trigger("example-killed/killed")
    assert operator.wait_for(run_id, "Crashed").message == "The run's process was killed by SIGKILL."
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed")


def test_a_killed_fork_server_is_replaced(shared_worker: WorkerProcess, operator: Operator) -> None:
    for pid in _fork_servers(shared_worker):
        os.kill(pid, signal.SIGKILL)
    for _ in range(4):  # more than there are children that wait
        operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed")


@on_both_databases
def test_a_run_that_waits_gives_its_place_back_and_goes_on_when_due(
    narrow_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    marker = str(tmp_path / "marker")
    waiting = operator.trigger("example-waiting/waiting", {"marker": marker, "seconds": 6})
    operator.wait_for(waiting, "AwaitingRetry")
    wait_until(lambda: operator.run(waiting).infrastructure_pid is None, 5, "its process to be forgotten")
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed")
    assert operator.state(waiting).name == "AwaitingRetry"
    operator.wait_for(waiting, "Completed")
    assert operator.run(waiting).run_count == 2


def test_a_run_that_is_not_due_holds_no_place(narrow_worker: WorkerProcess, operator: Operator) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=9)  # near enough for a worker to ask for it ahead
    later = operator.trigger("example-trivial/trivial", state=scheduled_at(soon))
    operator.wait_for(operator.trigger("example-trivial/trivial"), "Completed")
    assert operator.state(later).name == "Scheduled"
    operator.client.delete_flow_run(later)


def test_a_flow_reads_the_settings_of_its_moment(new_worker: NewWorker, operator: Operator, tmp_path: Path) -> None:
    file, written = tmp_path / "gateway.toml", tmp_path / "written"
    file.write_text('scu.ae_title = "BEFORE"')
    new_worker(MIG_CONFIG=str(file))
    file.write_text('scu.ae_title = "AFTER"')
    run_id = operator.trigger("example-reading-settings/reading_settings", {"written": str(written)})
    operator.wait_for(run_id, "Completed")
    assert written.read_text() == "AFTER"


def test_the_runs_of_another_node_are_left_alone(shared_worker: WorkerProcess, operator: Operator) -> None:
    elsewhere = operator.trigger("example-trivial/trivial", work_queue_name="node-elsewhere")
    here = operator.trigger("example-trivial/trivial", work_queue_name=shared_worker.node.work_queue)
    operator.wait_for(here, "Completed")
    assert operator.state(elsewhere).name == "Scheduled"


def _fork_servers(worker: WorkerProcess) -> list[int]:
    """The worker's children that run `multiprocessing.forkserver`."""
    parent = worker.server.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
