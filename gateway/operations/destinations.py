"""The registered destinations: how exports have last met each, and what is queued for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.config import Settings
from gateway.destinations.listing import RegisteredDestination, registered_destinations
from gateway.exports.listing import DestinationDepth, ExportListing


@dataclass(frozen=True, slots=True)
class DestinationView(RegisteredDestination):
    """A destination, and the exports that still have something to send there.

    `queued` of them are not over, and the first was asked for at `oldest`; `failed` have ended without it, wholly or in
    part, and are sent when somebody retries them.
    """

    queued: int
    oldest: datetime | None
    failed: int


def destination_views(settings: Settings, engine: Engine) -> list[DestinationView]:
    """Return every registered destination. Raises DatabaseUnavailable."""
    depths = ExportListing(engine).depths()
    return [
        _view(each, [depth for depth in depths if depth.destination == each.name])
        for each in registered_destinations(settings, engine)
    ]


def _view(destination: RegisteredDestination, depths: Sequence[DestinationDepth]) -> DestinationView:
    waiting = [depth for depth in depths if not depth.state.is_settled]
    return DestinationView(
        **asdict(destination),
        queued=sum(depth.count for depth in waiting),
        oldest=min((depth.oldest for depth in waiting), default=None),
        failed=sum(depth.count for depth in depths if depth.state.is_settled),
    )
