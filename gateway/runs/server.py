"""The server itself, and the workers that it knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gateway.runs.api import PrefectApi
from gateway.runs.run import moment

_PAGE = 200  # the most that a server returns at once unless told otherwise


async def check_health(api: PrefectApi) -> None:
    """Raises PrefectUnavailable where the server can't serve."""
    await api.do("GET", "health")


async def version(api: PrefectApi) -> str:
    """Return the server's version, e.g. `3.9.1`."""
    return await api.ask("GET", "admin/version", str)


async def heartbeats(api: PrefectApi, work_pool: str) -> dict[str, datetime | None]:
    """Return when each worker of a pool was last heard of, by its name. Raises NotInPrefect for an unknown pool."""
    found: dict[str, datetime | None] = {}
    offset = 0
    while True:
        question = {"limit": _PAGE, "offset": offset}
        page = await api.ask("POST", f"work_pools/{quote(work_pool, safe='')}/workers/filter", _heartbeats, question)
        found |= dict(page)
        offset += len(page)
        if len(page) < _PAGE:
            return found


def _heartbeats(answer: Sequence[dict[str, Any]]) -> list[tuple[str, datetime | None]]:
    return [(worker["name"], moment(worker["last_heartbeat_time"])) for worker in answer]
