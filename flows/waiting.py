"""A long wait gives its slot back: the run says why it waits and until when, and is picked up again then."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry

from gateway.errors import Dependency, SchemaRefused, TransientError
from gateway.waiting import destinations_message, next_delay_seconds, waiting_message


def wait_for(error: TransientError) -> State[Any]:
    """Return the state of a run that can't go on for now. The dispatcher ends the wait once what is away answers."""
    return wait_until(error, None)[0]


def wait_until(error: TransientError, until: datetime | None) -> tuple[State[Any], datetime]:
    """Return the same state, and when the run tries again: at `until` at the latest."""
    next_try = _next_try(until)
    return waits(next_try, str(error), error.waits_for), next_try


def waits(next_try: datetime, reason: str, waits_for: Dependency | None) -> State[Any]:
    """Return the state of a run that waits until `next_try`, or until what it waits for answers."""
    return _waiting(waiting_message(waits_for, reason, next_try), next_try)


def wait_for_destinations(names: Sequence[str], reason: str, until: datetime) -> tuple[State[Any], datetime]:
    """Return the state of an export that can't be finished for now, and when it tries again."""
    next_try = _next_try(until)
    return _waiting(destinations_message(names, reason, next_try), next_try), next_try


def wait_for_newer_program(error: SchemaRefused) -> State[Any]:
    """Return the state of a run that this program must not go on with: the newer one, in its place, does."""
    return waits(_next_try(None), str(error), None)


def put_back(why: str) -> State[Any]:
    """Return the state of a run that ends early and is to go on at once."""
    return _waiting(why, datetime.now(UTC))


def _next_try(until: datetime | None) -> datetime:
    next_try = datetime.now(UTC) + timedelta(seconds=next_delay_seconds(flow_run.run_count))
    return min(next_try, until) if until else next_try


def _waiting(message: str, next_try: datetime) -> State[Any]:
    state: State[Any] = AwaitingRetry(scheduled_time=next_try, message=message)
    return state
