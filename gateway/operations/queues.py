"""How much waits where, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.config import Settings
from gateway.events.outbox import Outbox
from gateway.exports.ledger import opened_ledger
from gateway.exports.states import ExportState
from gateway.inference.row import RequestState
from gateway.inference.store import opened_request_store
from gateway.operations.condition.prefect import ask_prefect
from gateway.runs.reading import RunFilter, count_runs, find_runs
from gateway.runs.run import AWAITING_RETRY
from gateway.spool.area import scp_area
from gateway.spool.listing import list_spool
from gateway.spool.node import find_node

if TYPE_CHECKING:
    from gateway.runs.api import PrefectApi

_RUNS = {
    "runs to start": ["Scheduled", "Late", "Pending"],
    "runs at work": ["Running", "Cancelling"],
    "runs that wait": [AWAITING_RETRY],
    "failed runs": ["Failed", "Crashed"],
}


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One place where work waits: how much, and since when the oldest."""

    queue: str
    count: int
    oldest: datetime | None


def spool_depths(settings: Settings) -> list[QueueDepth]:
    """What lies on this node's spool."""
    payloads = list_spool(scp_area(settings.paths.spool))
    depths = []
    for state in ("open", "ready", "done", "damaged", "newer"):
        since = [payload.since for payload in payloads if payload.state == state]
        depths.append(QueueDepth(f"spool {state}", len(since), min(since, default=None)))
    return depths


def export_depths(settings: Settings) -> list[QueueDepth]:
    """The exports that are not over, those that need somebody, and events that are not published.

    Raises DatabaseUnavailable and DatabaseRefused.
    """
    with opened_ledger(settings.database_url, may_upgrade=False) as ledger:
        counts = ledger.work.depths()
        unpublished, oldest = Outbox(ledger.engine).depth()
    shown = [state for state in ExportState if state not in {ExportState.SUCCEEDED, ExportState.CANCELLED}]
    depths = [QueueDepth(f"exports {state}", *counts.get(state, (0, None))) for state in shown]
    return [*depths, QueueDepth("events to publish", unpublished, oldest)]


def request_depths(settings: Settings) -> list[QueueDepth]:
    """The inference requests that are not over, and those that need somebody.

    Raises DatabaseUnavailable and DatabaseRefused.
    """
    with opened_request_store(settings.database_url, may_upgrade=False) as store:
        counts = store.work.depths()
    shown = [state for state in RequestState if state not in {RequestState.COMPLETED, RequestState.CANCELLED}]
    return [QueueDepth(f"requests {state}", *counts.get(state, (0, None))) for state in shown]


def run_depths(settings: Settings) -> list[QueueDepth]:
    """The runs of this node, none where there is no spool yet. Raises PrefectUnavailable and PrefectRefused."""
    node = find_node(settings.paths.spool)
    if node is None:
        return []
    queue = node.work_queue

    async def depths(api: "PrefectApi") -> list[QueueDepth]:
        return [await _runs(api, queue, name, states) for name, states in _RUNS.items()]

    return ask_prefect(settings, depths)


async def _runs(api: "PrefectApi", queue: str, name: str, states: Sequence[str]) -> QueueDepth:
    wanted = RunFilter(queues=[queue], state_names=states)
    count = await count_runs(api, wanted)
    oldest = await find_runs(api, wanted, 1) if count else []
    return QueueDepth(name, count, oldest[0].created if oldest else None)
