"""What Prefect makes of states that are proposed from outside, on a real server."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from gateway.errors import NotInPrefect
from gateway.runs.run import StateType
from gateway.runs.states import Judgement, cancel, forget_process, mark_cancelled, mark_crashed, put_back
from tests.gateway.runs.conftest import Scene, on_both_databases

pytestmark = on_both_databases


@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "CRASHED", "CANCELLED", "COMPLETED"])
def test_a_run_that_is_put_back_is_due_at_once(scene: Scene, state: str) -> None:
    run_id = scene.run_in(state)
    assert scene.ask(put_back, run_id, "Tried again.").is_accepted
    run = scene.run(run_id)
    assert (run.is_waiting, run.message) == (True, "Tried again.")
    assert run.scheduled_time
    assert run.scheduled_time <= datetime.now(UTC)


def test_a_run_that_is_cancelling_can_not_be_put_back(scene: Scene) -> None:
    run_id = scene.run_in("CANCELLING")
    verdict = scene.ask(put_back, run_id, "Tried again.")
    assert (verdict.judgement, verdict.state_type) == (Judgement.REJECT, StateType.CANCELLING)
    assert verdict.reason
    assert scene.run(run_id).state_type is StateType.CANCELLING


@pytest.mark.parametrize(("before", "after"), [("RUNNING", "Cancelling"), ("SCHEDULED", "Cancelled")])
def test_a_run_that_is_cancelled_ends(scene: Scene, before: str, after: str) -> None:
    run_id = scene.run_in(before)
    assert scene.ask(cancel, run_id).state_name == after
    assert scene.run(run_id).state_name == after


def test_a_run_that_has_ended_is_not_cancelled(scene: Scene) -> None:
    run_id = scene.run_in("COMPLETED")
    assert scene.ask(cancel, run_id).state_type is StateType.COMPLETED
    assert scene.run(run_id).state_name == "Completed"


def test_a_run_that_was_cancelled_before_is_cancelled(scene: Scene) -> None:
    assert scene.ask(cancel, scene.run_in("CANCELLED")).state_type is StateType.CANCELLED


@pytest.mark.parametrize("state", ["CANCELLING", "RUNNING"])
def test_a_run_is_marked_as_cancelled_whatever_it_is_in(scene: Scene, state: str) -> None:
    run_id = scene.run_in(state)
    assert scene.ask(mark_cancelled, run_id, "Cancelled: nothing was running it.").is_accepted
    assert scene.run(run_id).message == "Cancelled: nothing was running it."


def test_a_run_that_has_ended_has_not_crashed(scene: Scene) -> None:
    assert scene.ask(mark_crashed, scene.run_in("RUNNING"), "Killed.").is_accepted
    verdict = scene.ask(mark_crashed, scene.run_in("COMPLETED"), "Killed.")
    assert (verdict.judgement, verdict.state_name) == (Judgement.ABORT, "Completed")


def test_a_process_is_taken_off_a_run(scene: Scene) -> None:
    run_id = scene.run_in("SCHEDULED", "AwaitingRetry")
    scene.do("PATCH", f"flow_runs/{run_id}", {"infrastructure_pid": "ward-3:4711"})
    assert scene.run(run_id).infrastructure_pid == "ward-3:4711"
    scene.ask(forget_process, run_id)
    run = scene.run(run_id)
    assert (run.infrastructure_pid, run.tags, run.state_name) == (None, ("to PACS",), "AwaitingRetry")


@pytest.mark.parametrize("change", [put_back, mark_cancelled, mark_crashed])
def test_a_deleted_run_is_not_in_prefect(scene: Scene, change: object) -> None:
    with pytest.raises(NotInPrefect):
        scene.ask(change, uuid4(), "why")  # type: ignore[arg-type]
