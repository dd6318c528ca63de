"""An outage is said once when it begins and once when it ends, not with every try."""

from dataclasses import dataclass, field

import structlog

from gateway.clock import Clock, SystemClock
from gateway.errors import BrokerRefused, Dependency, GatewayError, TransientError

FIRST_CONTACT_SECONDS = 10.0  # processes that start together find each other within these: nothing to speak of

_log = structlog.get_logger()


@dataclass
class _Away:
    """A part that is away: since when, whom it holds up, and whether that was said."""

    since: float
    holds_up: set[object] = field(default_factory=set)
    is_said: bool = False


@dataclass
class Outages:
    """What is away, as the services of one process notice it: the first to notice says so, the last to recover too."""

    clock: Clock = field(default_factory=SystemClock)
    _started: float = field(init=False)
    _met: set[str] = field(default_factory=set, init=False)
    _away: dict[str, _Away] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._started = self.clock.monotonic()

    def began(self, error: GatewayError, service: object) -> None:
        """`service` can't go on because of `error`. Said at once, but for a part that may be starting just now."""
        name, now = _name(error), self.clock.monotonic()
        away = self._away.setdefault(name, _Away(since=now))
        away.holds_up.add(service)
        if not away.is_said and (name in self._met or now > self._started + FIRST_CONTACT_SECONDS):
            away.is_said = True
            _log.warning(f"{name} is away; waiting for it", reason=str(error))

    def over(self, service: object) -> None:
        """`service` goes on."""
        for name, away in list(self._away.items()):
            away.holds_up.discard(service)
            if not away.holds_up:
                del self._away[name]
                if away.is_said:
                    _log.info(f"{name} is back", away_seconds=round(self.clock.monotonic() - away.since, 1))
        self._met |= {Dependency.PREFECT.in_words, Dependency.DATABASE.in_words} - self._away.keys()


def _name(error: GatewayError) -> str:
    if isinstance(error, TransientError) and error.waits_for:
        return error.waits_for.in_words
    if isinstance(error, BrokerRefused):
        return Dependency.EVENTS.in_words
    return Dependency.PREFECT.in_words
