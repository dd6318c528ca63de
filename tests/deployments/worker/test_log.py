"""What is said of a run: in the worker's log, of one that fails or waits; in its own, which a dashboard opens."""

from pathlib import Path

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from tests.deployments.conftest import NewWorker
from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess
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
