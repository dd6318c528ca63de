"""A long wait gives its slot back: the run says why it waits and until when, and is picked up again then."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry

from gateway.errors import Dependency, NotSetUp, PrefectRefused, PrefectUnavailable, SchemaRefused, TransientError
from gateway.runs.states import set_tags
from gateway.work.waiting import TAG, TRIES_AGAIN, Wait, sentence, tag_of
from tasks.node import ask_prefect
from tasks.run_log import say


def waits_for(error: TransientError | NotSetUp) -> tuple[Wait]:
    """What a run waits for that can't go on because of `error`."""
    return (Wait(error.waits_for or Dependency.NOTHING_ASKABLE, str(error)),)


def next_try(until: datetime | None = None) -> datetime:
    """When this run tries again if nobody releases it: later each time, at `until` at the latest."""
    at = datetime.now(UTC) + timedelta(seconds=TRIES_AGAIN.after(flow_run.run_count))
    return min(at, until) if until else at


def waiting(waits: Sequence[Wait], at: datetime) -> State[Any]:
    """Return the state of a run that can't go on for now. The dispatcher ends its wait once what is away answers.

    What it waits for stands on the work's row, and as tags on the run, for the dashboard's filter.
    """
    _tag({tag_of(wait.dependency) for wait in waits})
    return _awaiting(sentence(waits, at), at)


def waiting_for_newer_program(error: SchemaRefused) -> State[Any]:
    """Return the state of a run that this program must not go on with: the newer one, in its place, does."""
    return waiting([Wait(Dependency.NOTHING_ASKABLE, str(error))], next_try())


def put_back(why: str) -> State[Any]:
    """Return the state of a run that ends early and is to go on at once."""
    return _awaiting(why, datetime.now(UTC))


def untag() -> None:
    """The run is at work again."""
    if any(tag.startswith(TAG) for tag in flow_run.tags):
        _tag(set())


def _tag(waits: set[str]) -> None:
    """Prefect may be away by now: the tags are a help, and no more than that."""
    kept = {tag for tag in flow_run.tags if not tag.startswith(TAG)}
    if flow_run.id and kept | waits != set(flow_run.tags):
        run_id = UUID(str(flow_run.id))
        with suppress(PrefectUnavailable, PrefectRefused):
            ask_prefect(lambda api: set_tags(api, run_id, sorted(kept | waits)))


def _awaiting(message: str, at: datetime) -> State[Any]:
    say(message)
    state: State[Any] = AwaitingRetry(scheduled_time=at, message=message)
    return state
