"""How the site is: each part, and what waits where, all asked at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gateway.config import Settings
from gateway.errors import GatewayError
from gateway.operations.condition.parts import PartHealth, parts_health
from gateway.operations.queues import QueueDepth, export_depths, request_depths, run_depths, spool_depths

_PLACES: dict[str, Callable[[Settings], list[QueueDepth]]] = {
    "spool": spool_depths,
    "runs": run_depths,
    "exports": export_depths,
    "requests": request_depths,
}


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """The parts and the queues. `unknown` says which queues could not be looked at, and why."""

    parts: tuple[PartHealth, ...]
    queues: tuple[QueueDepth, ...]
    unknown: tuple[str, ...]

    @property
    def all_up(self) -> bool:
        return all(part.up for part in self.parts)


def site_status(settings: Settings) -> SiteStatus:
    """Ask everybody. It takes as long as the slowest, which is given up after seconds."""
    with ThreadPoolExecutor(1 + len(_PLACES)) as threads:
        parts = threads.submit(parts_health, settings)
        asked = [(what, threads.submit(depths, settings)) for what, depths in _PLACES.items()]
        queues: list[QueueDepth] = []
        unknown: list[str] = []
        for what, answer in asked:
            try:
                queues += answer.result()
            except GatewayError as error:
                unknown.append(f"{what}: {error}")
        return SiteStatus(tuple(parts.result()), tuple(queues), tuple(unknown))
