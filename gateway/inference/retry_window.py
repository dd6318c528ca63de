"""How long a request waits for its sources: as long as something comes, and then for `retry_for_seconds`."""

from datetime import datetime, timedelta

from gateway.errors import PeerUnavailable
from gateway.inference.row import RequestRow
from gateway.work.waiting import TRIES_AGAIN


def silent_since(before: RequestRow, fetched: int, now: datetime) -> datetime:
    """Since when nothing new has come, after a try that began with `before` and ended with so much here."""
    came = fetched > before.fetched
    return now if came or before.waiting_since is None else before.waiting_since


def when_to_try_again(
    since: datetime, retry_for: timedelta, error: PeerUnavailable, run_count: int, now: datetime
) -> datetime | None:
    """Return when to try again after try number `run_count`; None where the time is over.

    The last try is at the end of that time, and never before the source wants to be asked again (Retry-After).
    """
    if now >= since + retry_for:
        return None
    at = min(now + timedelta(seconds=TRIES_AGAIN.after(run_count)), since + retry_for)
    return max(at, now + timedelta(seconds=error.retry_after_seconds or 0))


def is_last_try(row: RequestRow, retry_for: timedelta, now: datetime) -> bool:
    """Whether a request that fails for its sources now has waited long enough."""
    return row.waiting_since is not None and now >= row.waiting_since + retry_for
