"""How long to leave alone what has failed: longer each time, up to a bound."""

from collections.abc import Iterator
from dataclasses import dataclass

_MOST_DOUBLINGS = 30  # more would only make large numbers


@dataclass(frozen=True, slots=True)
class BackOff:
    """Delays that double from the first to the longest."""

    first_seconds: float
    longest_seconds: float

    def after(self, failures: int) -> float:
        """Return how many seconds to wait after that many failures in a row, from 1."""
        doublings = min(max(failures, 1) - 1, _MOST_DOUBLINGS)
        return min(self.first_seconds * (1 << doublings), self.longest_seconds)

    def delays(self) -> Iterator[float]:
        """Yield the delays after the first failure, the second and so on, for ever."""
        failures = 0
        while True:
            failures += 1
            yield self.after(failures)
