"""Time as a parameter: no timer of the gateway asks the operating system behind its caller's back."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What tells the time. Tests move one by hand."""

    def monotonic(self) -> float:
        """Seconds that only go forward; for durations."""

    def time_ns(self) -> int:
        """Nanoseconds since 1970 UTC; for people and records."""


class SystemClock:
    """The time of this machine."""

    monotonic = staticmethod(time.monotonic)
    time_ns = staticmethod(time.time_ns)


def time_of(nanoseconds: int) -> datetime:
    """The time so many nanoseconds after 1970 UTC, to the microsecond: by whole numbers, since a float loses digits."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
