"""The registered destinations, and which of them are known to be away."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.config import DicomWebDestination, DimseDestination, Settings
from gateway.destinations.circuits import Circuit, Circuits
from gateway.destinations.sending import peer_of


@dataclass(frozen=True, slots=True)
class DestinationView:
    """A destination: `there`, or `away` since when, for which reason, and when it is asked again."""

    name: str
    kind: str
    address: str
    state: str
    since: datetime | None
    next_probe: datetime | None
    reason: str


def destination_views(settings: Settings, engine: Engine) -> list[DestinationView]:
    """Return every registered destination. Raises DatabaseUnavailable."""
    circuits = {circuit.name: circuit for circuit in Circuits(engine).all()}
    return [_view(each, circuits.get(each.name), settings.scu.ae_title) for each in settings.destinations]


def _view(
    destination: DimseDestination | DicomWebDestination, circuit: Circuit | None, calling_ae_title: str
) -> DestinationView:
    if isinstance(destination, DimseDestination):
        address = str(peer_of(destination, calling_ae_title))
    else:
        address = destination.url
    if circuit is None or not circuit.is_open:
        reason = circuit.reason if circuit else ""
        return DestinationView(destination.name, destination.kind, address, "there", None, None, reason)
    return DestinationView(
        destination.name, destination.kind, address, "away", circuit.opened, circuit.next_probe, circuit.reason
    )
