"""A clock that is moved, not waited for."""

from datetime import UTC, datetime

_START_NS = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 1_000_000_000


class MovableClock:
    """Both faces of time go forward together, and only by `move`."""

    def __init__(self, start_ns: int = _START_NS) -> None:
        self._seconds, self._start_ns = 0.0, start_ns

    def monotonic(self) -> float:
        return 1000.0 + self._seconds

    def time_ns(self) -> int:
        return self._start_ns + int(self._seconds * 1e9)

    def move(self, seconds: float) -> None:
        self._seconds += seconds
