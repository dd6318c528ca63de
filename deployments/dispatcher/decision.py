"""Which runs leave their payload without one."""

from datetime import datetime, timedelta

from prefect.client.schemas.objects import FlowRun, StateType

_FIRST_DELAY_SECONDS = 10.0
_LONGEST_DELAY_SECONDS = 900.0

# A Failed run waits for somebody to put right what it names and to retry it. A Cancelled one was ended by somebody who
# wanted that: it, too, goes on only when it is retried.
DOES_NOT_STAND = {StateType.CRASHED, StateType.COMPLETED}


def needs_another_run(run: FlowRun | None, attempt: int, now: datetime) -> bool:
    """Whether a payload in `ready/` needs another run than `run`, its number `attempt`.

    It does where the run was deleted, has crashed, or is Completed without having announced the payload. What crashes
    again and again comes at growing intervals.
    """
    if run is None:
        return True
    if run.state_type not in DOES_NOT_STAND:
        return False
    ended = run.end_time or run.created or now
    return now >= ended + timedelta(seconds=delay_seconds(attempt))


def delay_seconds(attempt: int) -> float:
    """How long after the end of run number `attempt` the next is asked for."""
    return min(_FIRST_DELAY_SECONDS * (1 << min(attempt - 1, 10)), _LONGEST_DELAY_SECONDS)
