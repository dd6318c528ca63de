"""An outage is said once when it begins and once when it ends, not with every try."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from gateway.errors import DatabaseRefused, Dependency, GatewayError, TransientError

_log = structlog.get_logger()


@dataclass
class Outages:
    """What is away, as the services of one process notice it: the first to notice says so, the last to recover too."""

    _since: dict[str, float] = field(default_factory=dict, init=False)
    _noticed_by: dict[str, set[object]] = field(default_factory=dict, init=False)

    def began(self, error: GatewayError, service: object) -> None:
        """`service` could not go on because of `error`."""
        name = _name(error)
        noticed_by = self._noticed_by.setdefault(name, set())
        if not noticed_by:
            self._since[name] = time.monotonic()
            _log.warning(f"{name} is away; waiting for it", reason=str(error))
        noticed_by.add(service)

    def over(self, service: object) -> None:
        """`service` goes on."""
        for name, noticed_by in self._noticed_by.items():
            if service in noticed_by:
                noticed_by.remove(service)
                if not noticed_by:
                    away_seconds = round(time.monotonic() - self._since[name], 1)
                    _log.info(f"{name} is back", away_seconds=away_seconds)


def growing_delays(first_seconds: float, longest_seconds: float) -> Iterator[float]:
    """Yield the delays between tries: doubled each time, up to the longest, for ever."""
    delay = first_seconds
    while True:
        yield delay
        delay = min(delay * 2, longest_seconds)


def _name(error: GatewayError) -> str:
    if isinstance(error, TransientError) and error.waits_for:
        return str(error.waits_for)
    return str(Dependency.DATABASE if isinstance(error, DatabaseRefused) else Dependency.PREFECT)
