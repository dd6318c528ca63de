"""An outage is said once when it begins and once when it ends, not with every try."""

from dataclasses import dataclass, field

from gateway.clock import Clock, SystemClock
from gateway.errors import BrokerRefused, Dependency, GatewayError, SettingsError, TransientError
from gateway.log import Logger

FIRST_CONTACT_SECONDS = 20.0  # processes that start together find each other within these: nothing to speak of

_log = Logger(__name__)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What may be away, how that is said, and how its return."""

    name: str
    trouble: str = "is away"
    relief: str = "is back"


_SETTINGS = _Subject("the settings", "can't be read", "can be read again")
_MET_BY_WHO_GOES_ON = {_Subject(Dependency.PREFECT.in_words), _Subject(Dependency.DATABASE.in_words), _SETTINGS}


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
    _met: set[_Subject] = field(default_factory=set, init=False)
    _away: dict[_Subject, _Away] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._started = self.clock.monotonic()

    def began(self, error: GatewayError, service: object, *, meanwhile: str = "waiting for it") -> None:
        """`service` can't go on because of `error`. Said at once, but for a part that may be starting just now."""
        subject, now = _subject(error), self.clock.monotonic()
        away = self._away.setdefault(subject, _Away(since=now))
        away.holds_up.add(service)
        if not away.is_said and (subject in self._met or now > self._started + FIRST_CONTACT_SECONDS):
            away.is_said = True
            _log.warning(f"{subject.name} {subject.trouble}; {meanwhile}", reason=str(error))

    def over(self, service: object) -> None:
        """`service` goes on."""
        for subject, away in list(self._away.items()):
            away.holds_up.discard(service)
            if not away.holds_up:
                del self._away[subject]
                if away.is_said:
                    _log.info(
                        f"{subject.name} {subject.relief}", away_seconds=round(self.clock.monotonic() - away.since, 1)
                    )
        self._met |= _MET_BY_WHO_GOES_ON - self._away.keys()


def _subject(error: GatewayError) -> _Subject:
    if isinstance(error, TransientError) and error.waits_for:
        return _Subject(error.waits_for.in_words)
    if isinstance(error, SettingsError):
        return _SETTINGS
    if isinstance(error, BrokerRefused):
        return _Subject(Dependency.EVENTS.in_words)
    return _Subject(Dependency.PREFECT.in_words)
