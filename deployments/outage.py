"""An outage is said once when it begins and once when it ends, not with every try."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

_log = structlog.get_logger()


@dataclass
class Outage:
    """Whether something is away, and since when."""

    of: str
    _since: float | None = field(default=None, init=False)

    @property
    def lasts(self) -> bool:
        return self._since is not None

    def began(self, error: Exception) -> None:
        """Say so at the first of a row of failures."""
        if self._since is None:
            self._since = time.monotonic()
            _log.warning(f"{self.of} is away; waiting for it", reason=str(error))

    def over(self) -> None:
        """Say so at the first success after failures."""
        if self._since is not None:
            _log.info(f"{self.of} is back", away_seconds=round(time.monotonic() - self._since, 1))
            self._since = None


def growing_delays(first_seconds: float, longest_seconds: float) -> Iterator[float]:
    """Yield the delays between tries: doubled each time, up to the longest, for ever."""
    delay = first_seconds
    while True:
        yield delay
        delay = min(delay * 2, longest_seconds)
