"""What the end of a run means for its work, and which runs are about to start."""

from collections.abc import Collection
from datetime import datetime, timedelta

from gateway.runs.run import Run, StateType
from gateway.work.back_off import BackOff
from gateway.work.transitions import Event
from gateway.work.waiting import SOON

_ANOTHER_RUN = BackOff(first_seconds=10.0, longest_seconds=900.0)

_MEANS = {
    StateType.CRASHED: Event.RUN_LOST,
    StateType.COMPLETED: Event.RUN_LOST,  # without having brought the work to its end
    StateType.FAILED: Event.RUN_FAILED,
    StateType.CANCELLED: Event.RUN_CANCELLED,
}


def ends_that_matter(ended_by: Collection[Event]) -> set[StateType]:
    """The ends of runs that mean something for a kind of work, which knows these events."""
    return {state for state, event in _MEANS.items() if event is Event.RUN_LOST or event in ended_by}


def meaning_of(run: Run | None, attempt: int, now: datetime) -> Event | None:
    """What has happened to work whose run number `attempt` is over; None: nothing, for now.

    A run that was deleted is followed by another at once; what crashes again and again comes at growing intervals.
    """
    if run is None:
        return Event.RUN_LOST
    event = _MEANS.get(run.state_type)
    if event is Event.RUN_LOST:
        ended = run.end or run.created or now
        return event if now >= ended + timedelta(seconds=_ANOTHER_RUN.after(attempt)) else None
    return event


def starts_by_itself(run: Run, now: datetime) -> str | None:
    """Why a run is not to be started: it is at work, or about to be; None where it is neither."""
    if run.state_type.is_at_work:
        return f"its run is {run.state_name}"
    due = run.scheduled_time
    is_due = run.state_type is StateType.SCHEDULED and due is not None and due <= now + SOON
    return "its run is about to start" if is_due else None
