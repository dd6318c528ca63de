"""How long senders wait for the answer to a C-STORE after its last byte, by the status that they get.

Counted in this process since its start, and told with its beat: nobody asks the receiver for it.
"""

import threading
from bisect import bisect_left
from collections.abc import Mapping

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""What is told is how many waited no longer than each. A flush to a disk takes some milliseconds."""


class StoreTimes:
    """Counts from the threads of all associations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[int, list[int]] = {}  # by status: between the bounds, and beyond the last
        self._seconds: dict[int, float] = {}

    def note(self, status: int, seconds: float) -> None:
        """A C-STORE was answered with `status` after so long."""
        at = bisect_left(BOUNDS_SECONDS, seconds)
        with self._lock:
            counts = self._counts.setdefault(status, [0] * (len(BOUNDS_SECONDS) + 1))
            counts[at] += 1
            self._seconds[status] = self._seconds.get(status, 0.0) + seconds

    def told(self) -> Mapping[str, Mapping[str, object]]:
        """By status, in four hexadecimal digits: `seconds` in all, and `counts` as pairs of a bound and a count."""
        bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
        with self._lock:
            return {
                f"{status:04X}": {
                    "seconds": self._seconds[status],
                    "counts": [list(pair) for pair in zip(bounds, counts, strict=True)],
                }
                for status, counts in self._counts.items()
            }
