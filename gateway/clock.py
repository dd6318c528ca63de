"""Time as a parameter: no timer of the gateway asks the operating system behind its caller's back."""

import time
from typing import Protocol


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
