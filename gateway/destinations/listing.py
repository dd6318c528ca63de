"""The registered destinations, and which of them are known to be away."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.config import DestinationSettings, Settings
from gateway.destinations.circuits import Circuit, Circuits


@dataclass(frozen=True, slots=True)
class RegisteredDestination:
    """A destination, as exports have last met it.

    `there`: it took something, and nothing bad was met since · `away` since when, why, and when it is asked again ·
    `refuses` us since when, and why: somebody has to act · `unknown`: nothing was sent there yet.
    """

    name: str
    kind: str
    address: str
    state: str
    since: datetime | None
    answered: datetime | None
    next_probe: datetime | None
    reason: str


def registered_destinations(settings: Settings, engine: Engine) -> list[RegisteredDestination]:
    """Return every registered destination. Raises DatabaseUnavailable."""
    circuits = {circuit.name: circuit for circuit in Circuits(engine).all()}
    return [_view(each, circuits.get(each.name)) for each in settings.destinations]


def _view(destination: DestinationSettings, circuit: Circuit | None) -> RegisteredDestination:
    state, since, next_probe, reason = met(circuit)
    answered = circuit.answered if circuit else None
    return RegisteredDestination(
        destination.name, destination.kind, destination.address, state, since, answered, next_probe, reason
    )


def met(circuit: Circuit | None) -> tuple[str, datetime | None, datetime | None, str]:
    """Its state, since when, when it is asked next, and why."""
    if circuit is None:
        return "unknown", None, None, ""
    if circuit.is_open:
        return "away", circuit.opened, circuit.next_probe, circuit.reason
    if circuit.refused_since:
        return "refuses", circuit.refused_since, None, circuit.refusal
    return "there" if circuit.answered else "unknown", None, None, circuit.reason
