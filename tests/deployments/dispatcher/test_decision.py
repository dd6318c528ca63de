from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deployments.dispatcher.decision import ends_that_matter, meaning_of
from gateway.runs.run import Run, StateType
from gateway.work.transitions import Event

ENDED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = ENDED + timedelta(days=9)


def run_in(state: StateType) -> Run:
    answer = dict.fromkeys(
        "work_pool_name work_queue_name deployment_id idempotency_key infrastructure_pid run_count created "
        "expected_start_time start_time state state_name".split()
    )
    told = {"id": str(uuid4()), "name": "a run", "tags": [], "state_type": state, "end_time": ENDED.isoformat()}
    return Run.of({**answer, **told})


@pytest.mark.parametrize(
    "state", [state for state in StateType if state.name not in {"CRASHED", "COMPLETED", "FAILED", "CANCELLED"}]
)
def test_a_run_that_is_not_over_stands_for_its_work(state: StateType) -> None:
    assert meaning_of(run_in(state), 1, LATER) is None


@pytest.mark.parametrize("state", [StateType.CRASHED, StateType.COMPLETED])
def test_a_run_that_is_over_without_an_end_of_its_work_is_followed_by_another(state: StateType) -> None:
    assert meaning_of(run_in(state), 1, ENDED + timedelta(seconds=9)) is None
    assert meaning_of(run_in(state), 1, ENDED + timedelta(seconds=10)) is Event.RUN_LOST


def test_what_crashes_again_and_again_comes_at_growing_intervals() -> None:
    for attempt, seconds in ((1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (10_000, 900)):
        crashed = run_in(StateType.CRASHED)
        assert meaning_of(crashed, attempt, ENDED + timedelta(seconds=seconds - 1)) is None
        assert meaning_of(crashed, attempt, ENDED + timedelta(seconds=seconds)) is Event.RUN_LOST


def test_a_deleted_run_is_followed_by_another_at_once() -> None:
    assert meaning_of(None, 5, ENDED) is Event.RUN_LOST


def test_failed_and_cancelled_are_what_prefect_says() -> None:
    assert meaning_of(run_in(StateType.FAILED), 1, ENDED) is Event.RUN_FAILED
    assert meaning_of(run_in(StateType.CANCELLED), 1, ENDED) is Event.RUN_CANCELLED


def test_prefect_is_asked_only_for_ends_that_matter_to_a_kind() -> None:
    lost = {StateType.CRASHED, StateType.COMPLETED}
    assert ends_that_matter(()) == lost
    assert ends_that_matter({Event.RUN_FAILED}) == lost | {StateType.FAILED}
