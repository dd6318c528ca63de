"""The registered destinations, and which of them are known to be away."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Engine

from gateway.config import DestinationSettings, Settings
from gateway.destinations.circuits import Circuit, Circuits


class DestinationState(StrEnum):
    """How exports have last met a destination."""

    UNKNOWN = "unknown"  # nothing was sent there yet
    THERE = "there"  # it took something, and nothing bad was met since
    AWAY = "away"  # it is not tried, and asked again from time to time
    REFUSES = "refuses"  # somebody has to act


@dataclass(frozen=True, slots=True)
class RegisteredDestination:
    """A destination: since when it is in a state, when it is asked again, and why."""

    name: str
    kind: str
    address: str
    state: DestinationState
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


def met(circuit: Circuit | None) -> tuple[DestinationState, datetime | None, datetime | None, str]:
    """Its state, since when, when it is asked next, and why."""
    if circuit is None:
        return DestinationState.UNKNOWN, None, None, ""
    if circuit.is_open:
        return DestinationState.AWAY, circuit.opened, circuit.next_probe, circuit.reason
    if circuit.refused_since:
        return DestinationState.REFUSES, circuit.refused_since, None, circuit.refusal
    state = DestinationState.THERE if circuit.answered else DestinationState.UNKNOWN
    return state, None, None, circuit.reason
