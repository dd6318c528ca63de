"""A long wait gives its slot back: the run says why it waits and until when, and is picked up again then."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry

from gateway.errors import Dependency, TransientError
from gateway.waiting import next_delay_seconds, waiting_message


def wait_for(error: TransientError) -> State[Any]:
    """Return the state of a run that can't go on for now. The dispatcher ends the wait once what is away answers."""
    next_try = datetime.now(UTC) + timedelta(seconds=next_delay_seconds(flow_run.run_count))
    return wait_until(next_try, str(error), error.waits_for)


def wait_until(next_try: datetime, reason: str, waits_for: Dependency | None) -> State[Any]:
    """Return the state of a run that waits until `next_try`, or until what it waits for answers."""
    message = waiting_message(waits_for, reason, next_try)
    state: State[Any] = AwaitingRetry(scheduled_time=next_try, message=message)
    return state
