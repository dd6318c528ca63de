"""What runs on this node, under the names that MONAI Deploy's informatics gateway has for it.

There each is a thread of one process, and its state a flag; here a service is what one or more processes do together,
and runs while each of them holds its lock and no loop of theirs stands still.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gateway.config import RabbitMqSettings, Settings
from gateway.disk.paths import Paths
from gateway.operations.condition.heartbeat import CONSUMER, DISPATCHER, RECEIVER, WORKER, Beat, beats, holder_of_role
from gateway.operations.condition.readiness import ACCEPTING
from gateway.spool.area import scp_area


class ServiceState(StrEnum):
    """UNKNOWN is said of what this node has never run: another one may."""

    UNKNOWN = "unknown"
    STOPPED = "stopped"
    RUNNING = "running"
    CANCELLED = "cancelled"  # which nothing is here


_OF_WORK = (DISPATCHER, WORKER)

SERVICES: Mapping[str, tuple[str, ...]] = {
    "dicom SCP Service": (RECEIVER,),
    "object Upload Service": _OF_WORK,
    "payload Notification Service": _OF_WORK,
    "data Retrieval Service": _OF_WORK,
    "dicom Export Service": (*_OF_WORK, CONSUMER),
    "dicoMweb Export Service": (*_OF_WORK, CONSUMER),
}
"""The processes of each, by the name that it has in MONAI Deploy's JSON."""


@dataclass(frozen=True, slots=True)
class Services:
    """The state of each service. `associations` is how many are open, None where that is not known here."""

    states: Mapping[str, ServiceState]
    associations: int | None


def services(settings: Settings, now: datetime | None = None) -> Services:
    """Look at what runs on this node's data directory."""
    found = beats(settings.paths)
    roles = {role: _state(settings.paths, role, found, now or datetime.now(UTC)) for role in _roles(settings)}
    states = {name: _of_all([roles[role] for role in of_roles if role in roles]) for name, of_roles in SERVICES.items()}
    return Services(states, _associations(roles[RECEIVER], found))


def consumer_state(settings: Settings) -> ServiceState:
    """The state of the process that takes export requests from the broker."""
    return _state(settings.paths, CONSUMER, beats(settings.paths), datetime.now(UTC))


def _roles(settings: Settings) -> tuple[str, ...]:
    has_broker = isinstance(settings.events, RabbitMqSettings)
    return (RECEIVER, *_OF_WORK, CONSUMER) if has_broker else (RECEIVER, *_OF_WORK)


def _state(paths: Paths, role: str, found: list[Beat], now: datetime) -> ServiceState:
    if holder_of_role(paths, role):
        late = any(beat.role == role and beat.is_late(now) for beat in found)
        return ServiceState.STOPPED if late else ServiceState.RUNNING
    was_here = scp_area(paths.spool).root.exists() if role == RECEIVER else paths.role_lock(role).exists()
    return ServiceState.STOPPED if was_here else ServiceState.UNKNOWN


def _of_all(states: list[ServiceState]) -> ServiceState:
    for state in (ServiceState.STOPPED, ServiceState.UNKNOWN):
        if state in states:
            return state
    return ServiceState.RUNNING


def _associations(receiver: ServiceState, found: list[Beat]) -> int | None:
    if receiver is ServiceState.STOPPED:
        return 0
    told = (beat.facts.get("associations") for beat in found if (beat.role, beat.loop) == (RECEIVER, ACCEPTING))
    return next((count for count in told if isinstance(count, int)), None)
