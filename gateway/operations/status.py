"""How the site is: each part, what waits where and for whom, all asked at the same time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from gateway.config import Settings
from gateway.database import open_database
from gateway.errors import GatewayError
from gateway.operations.condition.parts import PartHealth, parts_health
from gateway.operations.condition.running import as_running
from gateway.operations.destinations import DestinationView, destination_views
from gateway.operations.queues import QueueDepth, export_depths, request_depths, run_depths, spool_depths

_PLACES: Mapping[str, Callable[[Settings], Sequence[QueueDepth]]] = {
    "spool": spool_depths,
    "runs": run_depths,
    "exports": export_depths,
    "requests": request_depths,
}
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """The parts, the queues, and the destinations with what is queued for each.

    `unknown` says what of the last two could not be looked at, and why.
    """

    parts: tuple[PartHealth, ...]
    queues: tuple[QueueDepth, ...]
    destinations: tuple[DestinationView, ...]
    unknown: tuple[str, ...]

    @property
    def all_up(self) -> bool:
        return all(part.up for part in self.parts)


def site_status(settings: Settings) -> SiteStatus:
    """Ask everybody, at the addresses that processes here tell. It takes as long as the slowest, given up after
    seconds.
    """
    settings = as_running(settings)
    with ThreadPoolExecutor(2 + len(_PLACES)) as threads:
        parts = threads.submit(parts_health, settings)
        places = {what: threads.submit(depths, settings) for what, depths in _PLACES.items()}
        destinations = threads.submit(_destinations, settings)
        unknown: list[str] = []
        queues = [depth for what, answer in places.items() for depth in _answer(what, answer, unknown)]
        known = _answer("destinations", destinations, unknown)
        return SiteStatus(tuple(parts.result()), tuple(queues), tuple(known), tuple(unknown))


def _answer(what: str, answer: Future[Sequence[_Found]], unknown: list[str]) -> Sequence[_Found]:
    try:
        return answer.result()
    except GatewayError as error:
        unknown.append(f"{what}: {error}")
        return ()


def _destinations(settings: Settings) -> Sequence[DestinationView]:
    engine = open_database(settings.database_url, may_upgrade=False)
    try:
        return destination_views(settings, engine)
    finally:
        engine.dispose()
