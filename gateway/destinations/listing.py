"""The registered destinations, and which of them are known to be away."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.config import DestinationSettings, Settings
from gateway.destinations.circuits import Circuit, Circuits
from gateway.destinations.kinds import adapter_of


@dataclass(frozen=True, slots=True)
class RegisteredDestination:
    """A destination: `there`, or `away` since when, for which reason, and when it is asked again."""

    name: str
    kind: str
    address: str
    state: str
    since: datetime | None
    next_probe: datetime | None
    reason: str


def destination_views(settings: Settings, engine: Engine) -> list[RegisteredDestination]:
    """Return every registered destination. Raises DatabaseUnavailable."""
    circuits = {circuit.name: circuit for circuit in Circuits(engine).all()}
    return [_view(each, circuits.get(each.name), settings.scu.ae_title) for each in settings.destinations]


def _view(destination: DestinationSettings, circuit: Circuit | None, calling_ae_title: str) -> RegisteredDestination:
    address = adapter_of(destination, calling_ae_title).address
    if circuit is None or not circuit.is_open:
        reason = circuit.reason if circuit else ""
        return RegisteredDestination(destination.name, destination.kind, address, "there", None, None, reason)
    return RegisteredDestination(
        destination.name, destination.kind, address, "away", circuit.opened, circuit.next_probe, circuit.reason
    )
