"""What is said of a run: in the worker's log, of one that fails or waits; in its own, which a dashboard opens."""

from pathlib import Path

import pytest
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)

from tests.deployments.conftest import NewWorker
from tests.deployments.example_flows import SECRET
from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess
from tests.peers.prefect_server import PrefectServer
from tests.peers.run_logs import run_log
from tests.waiting import wait_until

pytestmark = pytest.mark.peers


def lines_about(log: str, text: str) -> list[str]:
    return [line for line in log.splitlines() if text in line]


def test_a_failed_run_is_one_line_that_names_it_its_reason_and_what_to_do(
    new_worker: NewWorker, operator: Operator, tmp_path: Path
) -> None:
    worker = new_worker()
    (worker.data_dir / "instead").write_text("fail")
    payload_id = "42f2de7e-0c0f-41d3-a82b-c49fcd3b2f0f"
    run_id = operator.trigger("example-ingest/ingesting", {"payload_id": payload_id})
    operator.wait_for(run_id, "Failed")
    worker.wait_for_log("run ended")
    (line,) = lines_about(worker.log, "run failed")
    name = operator.run(run_id).name
    assert f"run failed run={name} payload={payload_id} reason='ValueError at " in line
    assert f"then='mig payload retry {payload_id}'" in line
    assert not lines_about(worker.log, "Traceback")
    assert len(lines_about(worker.log, "error")) == 1


def test_at_debug_its_traceback_stands_there(new_worker: NewWorker, operator: Operator, tmp_path: Path) -> None:
    worker = new_worker(MIG_LOG__LEVEL="debug")
    operator.wait_for(
        operator.trigger("example-failing-once/failing_once", {"marker": str(tmp_path / "none")}), "Failed"
    )
    wait_until(lambda: "ValueError: told to fail" in worker.log, 20, "the traceback to be logged")
    assert "    Traceback (most recent call last)" in worker.log


def test_a_run_that_waits_says_why(new_worker: NewWorker, operator: Operator, tmp_path: Path) -> None:
    worker = new_worker()
    run_id = operator.trigger("example-waiting/waiting", {"marker": str(tmp_path / "marker"), "seconds": 60})
    operator.wait_for(run_id, "AwaitingRetry")
    worker.wait_for_log("run waits")
    (line,) = lines_about(worker.log, "run waits")
    assert line.endswith("reason=waits")


def test_the_log_of_a_run_says_in_a_sentence_what_went_wrong(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run_id = operator.trigger("example-retrying/retrying", {"marker": str(tmp_path / "marker")})
    operator.wait_for(run_id, "Failed")
    wait_until(lambda: len(run_log(operator.client, run_id)) >= 3, 20, "the log of the run to arrive")
    began, tried, failed = run_log(operator.client, run_id)
    assert began.startswith("Beginning flow run")
    assert tried == "nobody listens; tried again within seconds (1 of 4)"
    reason = operator.state(run_id).message or ""
    assert reason.startswith("ValueError at "), "its text may quote a patient"
    assert failed == f"failed: {reason}; put it right, then Retry"


@pytest.mark.parametrize("kind", ["error", "timeout", "group"])
def test_what_a_foreign_exception_says_in_a_task_stands_nowhere(
    new_worker: NewWorker, prefect: PrefectServer, operator: Operator, kind: str
) -> None:
    worker = new_worker()
    run_id = operator.trigger("example-foreign-failure/foreign_failure", {"kind": kind})
    operator.wait_for(run_id, "Failed")
    wait_until(lambda: len(run_log(operator.client, run_id)) >= 2, 20, "the log of the run to arrive")
    of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run_id]))
    wait_until(lambda: in_state(operator, of_run) == ["Failed"], 20, "Prefect to know how the task ended")
    (task_run,) = operator.client.read_task_runs(task_run_filter=of_run)
    assert task_run.state
    assert f"{NAMES[kind]} at " in (task_run.state.message or "")
    worker.wait_for_log("run failed")
    everything = {**kept_in(prefect.server.directory), **kept_in(worker.data_dir)}
    assert any(str(run_id).encode() in content for content in everything.values())
    assert [file for file, content in everything.items() if SECRET.encode() in content] == []


NAMES = {"error": "ValueError", "timeout": "TimeoutError", "group": "ExceptionGroup"}


def in_state(operator: Operator, which: TaskRunFilter) -> list[str]:
    return [run.state_name or "" for run in operator.client.read_task_runs(task_run_filter=which)]


def kept_in(directory: Path) -> dict[Path, bytes]:
    """All that a process has written: a database, with what is still to be merged into it, and a log."""
    return {file: file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def test_of_a_run_that_fails_nothing_is_kept_but_what_it_says(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run_id = operator.trigger("example-retrying/retrying", {"marker": str(tmp_path / "marker")})
    operator.wait_for(run_id, "Failed")
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    assert operator.client.read_artifacts(artifact_filter=of_run) == []
    assert not list((shared_worker.data_dir / "prefect").rglob("storage/*"))


def test_what_an_exception_of_any_flow_says_stands_in_no_log(
    shared_worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    run_id = operator.trigger("example-failing-once/failing_once", {"marker": str(tmp_path / "none")})
    operator.wait_for(run_id, "Failed")
    wait_until(lambda: len(run_log(operator.client, run_id)) == 2, 20, "the log of the run to arrive")
    assert run_log(operator.client, run_id)[1].startswith("failed: ValueError at tests.deployments.example_flows:")


def test_a_run_that_completes_has_nothing_to_say_of_states(shared_worker: WorkerProcess, operator: Operator) -> None:
    run_id = operator.trigger("example-trivial/trivial")
    operator.wait_for(run_id, "Completed")
    wait_until(lambda: run_log(operator.client, run_id), 20, "the log of the run to arrive")
    (began,) = run_log(operator.client, run_id)
    assert began.startswith("Beginning flow run")


def test_at_debug_the_log_of_a_run_has_the_traceback(new_worker: NewWorker, operator: Operator, tmp_path: Path) -> None:
    new_worker(MIG_LOG__LEVEL="debug")
    run_id = operator.trigger("example-failing-once/failing_once", {"marker": str(tmp_path / "none")})
    operator.wait_for(run_id, "Failed")
    wait_until(lambda: "Traceback" in " ".join(run_log(operator.client, run_id)), 20, "the traceback to arrive")
