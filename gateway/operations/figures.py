"""How much waits where, and since when. Counted, not listed: cheap enough to be asked every few seconds.

What stands in the database or on the spool is read there, so that every process tells the same, also after its restart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.config import Settings
from gateway.destinations.listing import DestinationState, registered_destinations
from gateway.destinations.registered import UNREGISTERED
from gateway.disk.room import Room, Space
from gateway.errors import SpoolFailed
from gateway.events.outbox import Outbox
from gateway.exports.listing import DestinationDepth, ExportListing
from gateway.exports.states import ExportState
from gateway.node_context import NodeContext
from gateway.operations.condition.heartbeat import RECEIVER, beats
from gateway.operations.condition.readiness import ACCEPTING
from gateway.operations.counted import WORK, DurationFigure
from gateway.payloads.rows import WORK as PAYLOADS
from gateway.payloads.rows import of_node
from gateway.spool.area import scp_area
from gateway.spool.node import find_node
from gateway.work.ledger import WorkLedger


@dataclass(frozen=True, slots=True)
class WorkFigure:
    """How much work of a kind is in a state that it may leave.

    `oldest` is since when the oldest is here, where it is not over.
    """

    kind: str
    state: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ExportFigure:
    """How many exports that miss something at a destination are in a state, of those that are not over or that somebody
    has to see to; `oldest` is since when the oldest is here, where it is not over.
    """

    destination: str
    state: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class DatabaseFigures:
    """What the database tells of what is there now."""

    work: Sequence[WorkFigure]
    exports: Sequence[ExportFigure]
    destinations: Mapping[str, DestinationState]  # the state of each that is registered
    unpublished: int
    oldest_unpublished: datetime | None


@dataclass(frozen=True, slots=True)
class SpoolFigures:
    """What the spool tells."""

    ready: int
    oldest_ready: datetime | None
    space: Space


@dataclass(frozen=True, slots=True)
class ReceiverFigures:
    """What the receiver told with its last beat: `stores` by status, four hexadecimal digits, since its start."""

    associations: int
    open_groups: int
    stores: Sequence[DurationFigure]


def database_figures(node: NodeContext) -> DatabaseFigures:
    """Count what the database has. Raises DatabaseUnavailable and DatabaseRefused."""
    registered = {destination.name for destination in node.settings.destinations}
    unpublished, oldest = Outbox(node.database).depth()
    return DatabaseFigures(
        [figure for ledger in _ledgers(node) for figure in _work(ledger)],
        _exports(node.database, registered),
        {each.name: each.state for each in registered_destinations(node.settings, node.database)},
        unpublished,
        oldest,
    )


def spool_figures(settings: Settings) -> SpoolFigures | None:
    """Count what lies on this node's spool; None where there is none. Raises SpoolFailed."""
    spool, area = settings.paths.spool, scp_area(settings.paths.spool)
    if not area.root.is_dir():
        return None
    try:
        ready = area.ready_ids()
        oldest = area.since(ready[0]) if ready else None
        return SpoolFigures(len(ready), oldest, Room(spool, settings.spool.reserve_bytes).space())
    except OSError as error:
        raise SpoolFailed(f"the spool can't be read: {error.strerror or error}") from error


def receiver_figures(settings: Settings) -> ReceiverFigures | None:
    """Return what the receiver told last; None where none runs here."""
    for beat in beats(settings.paths):
        if (beat.role, beat.loop) == (RECEIVER, ACCEPTING):
            told = beat.facts.get("stores", {})
            stores = [DurationFigure(status, each["counts"], each["seconds"]) for status, each in sorted(told.items())]
            return ReceiverFigures(beat.facts.get("associations", 0), beat.facts.get("groups", 0), stores)
    return None


def _ledgers(node: NodeContext) -> list[WorkLedger]:
    """Payloads are counted where they lie: an API that is apart from every spool knows of none, and makes none."""
    found = [WorkLedger(node.database, table) for table in WORK if table is not PAYLOADS]
    if here := find_node(node.settings.paths.spool):
        found.append(WorkLedger(node.database, PAYLOADS, of_node(here.node_id)))
    return found


def _work(ledger: WorkLedger) -> list[WorkFigure]:
    """Not of what is done for good: that only grows, and would cost more with every day."""
    states = [state for state in ledger.of.transitions.states if state not in ledger.of.transitions.final]
    counts, oldest = ledger.counts(states), ledger.oldest()
    return [WorkFigure(ledger.of.kind, state, counts.get(state, 0), oldest.get(state)) for state in states]


def _exports(engine: Engine, registered: set[str]) -> list[ExportFigure]:
    found: dict[tuple[str, ExportState], list[DestinationDepth]] = {}
    for depth in ExportListing(engine).depths():
        name = depth.destination if depth.destination in registered else UNREGISTERED
        found.setdefault((name, depth.state), []).append(depth)
    return [_export_figure(name, state, depths) for (name, state), depths in sorted(found.items())]


def _export_figure(name: str, state: ExportState, depths: Sequence[DestinationDepth]) -> ExportFigure:
    oldest = None if state.is_settled else min(depth.oldest for depth in depths)
    return ExportFigure(name, state, sum(depth.count for depth in depths), oldest)
