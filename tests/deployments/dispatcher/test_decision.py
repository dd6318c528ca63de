from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.dispatcher.decision import delay_seconds, needs_another_run

ENDED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def run_in(state: StateType) -> FlowRun:
    return FlowRun(flow_id=uuid4(), state_type=state, end_time=ENDED)


@pytest.mark.parametrize("state", [state for state in StateType if state.name not in {"CRASHED", "COMPLETED"}])
def test_a_live_waiting_failed_or_cancelled_run_stands_for_its_payload(state: StateType) -> None:
    assert not needs_another_run(run_in(state), 1, ENDED + timedelta(days=9))


@pytest.mark.parametrize("state", [StateType.CRASHED, StateType.COMPLETED])
def test_a_run_that_is_over_without_having_announced_is_followed_by_another(state: StateType) -> None:
    assert not needs_another_run(run_in(state), 1, ENDED + timedelta(seconds=9))
    assert needs_another_run(run_in(state), 1, ENDED + timedelta(seconds=10))


def test_a_deleted_run_is_followed_by_another_at_once() -> None:
    assert needs_another_run(None, 5, ENDED)


def test_what_crashes_again_and_again_comes_at_growing_intervals() -> None:
    assert [delay_seconds(attempt) for attempt in (1, 2, 3, 7, 8, 10_000)] == [10, 20, 40, 640, 900, 900]
