"""The exports as people see them, on the command line and over HTTP."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Connection, Engine, exists, func, select

from gateway.database import database_errors, ids_beginning
from gateway.exports.states import DestinationRow, ExportOrigin, ExportRow, ExportState, SendRow, SendState
from gateway.exports.tables import destinations, destinations_of, export_of, export_row, exports, files, sends, sends_of


@dataclass(frozen=True, slots=True)
class FileView:
    """One file at one destination. `code` is the peer's status."""

    path: str
    state: SendState
    code: int | None
    reason: str
    attempts: int
    first_tried: datetime | None
    last_tried: datetime | None


@dataclass(frozen=True, slots=True)
class DestinationView:
    """One destination of an export; `reason` says why nothing gets there for now."""

    name: str
    stored: int
    missing: int
    away_since: datetime | None
    reason: str
    files: list[FileView]


@dataclass(frozen=True, slots=True)
class DestinationDepth:
    """How many exports in a state still miss something at a destination; the first was asked for at `oldest`."""

    destination: str
    state: ExportState
    count: int
    oldest: datetime


class _Shown(BaseModel):
    """What a list and the export's own page both show. `message` says why it waits, or why it did not succeed; `stored`
    counts files at places.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(validation_alias="export_id")
    state: ExportState
    origin: ExportOrigin = Field(description="operator: asked for here, and told to nobody outside")
    workflow_instance_id: str
    export_task_id: str
    correlation_id: str
    payload_id: str | None
    agent: str
    files: int
    stored: int
    missing: int
    message: str
    next_try: datetime | None
    received: datetime
    settled: datetime | None
    settlements: int
    attempt: int
    run_id: UUID | None = Field(validation_alias="flow_run_id")


class ExportView(_Shown):
    """One export in a list."""

    destinations: list[str]


class ExportDetail(_Shown):
    """All that is known of an export."""

    destinations: list[DestinationView]


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which exports are meant: what is None does not matter. `since` and `until` bound the time when they were asked
    for, the latter excluded.
    """

    state: ExportState | None = None
    destination: str | None = None
    payload: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY_EXPORT = ExportFilter()


class ExportListing:
    """Looks at the ledger. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, limit: int, offset: int = 0, wanted: ExportFilter = EVERY_EXPORT) -> list[ExportView]:
        """Return exports, the newest first."""
        question = select(exports).where(*_conditions(wanted))
        question = question.order_by(exports.c.received.desc(), exports.c.export_id)
        with database_errors(), self._engine.connect() as connection:
            rows = [export_row(found) for found in connection.execute(question.limit(limit).offset(offset))]
            names = _names(connection, [row.export_id for row in rows])
            shown = _values(connection, rows)
        return [ExportView(**values, destinations=names[values["export_id"]]) for values in shown]

    def total(self, wanted: ExportFilter = EVERY_EXPORT) -> int:
        """How many there are like that."""
        question = select(func.count()).select_from(exports).where(*_conditions(wanted))
        with database_errors(), self._engine.connect() as connection:
            return int(connection.execute(question).scalar_one())

    def view(self, export_id: UUID) -> ExportDetail | None:
        """Return everything about an export; None where there is none."""
        with database_errors(), self._engine.connect() as connection:
            row = export_of(connection, export_id)
            if row is None:
                return None
            (values,) = _values(connection, [row])
            going = sends_of(connection, export_id)
            places = [_destination(each, going) for each in destinations_of(connection, export_id) if not each.output]
        return ExportDetail(**values, destinations=places)

    def matching(self, beginning: str, limit: int = 2) -> list[ExportRow]:
        """Return exports whose id begins so, as run names and people abbreviate it."""
        wanted = select(exports).where(ids_beginning(exports.c.export_id, beginning))
        with database_errors(), self._engine.connect() as connection:
            return [export_row(found) for found in connection.execute(wanted.limit(limit))]

    def depths(self) -> list[DestinationDepth]:
        """How much waits for each destination, in exports that are not over, or that somebody has to see to.

        An export waits for none of its destinations that has all of it already.
        """
        shown = sorted(state for state in ExportState if state not in {ExportState.SUCCEEDED, ExportState.CANCELLED})
        count, oldest = func.count(exports.c.export_id.distinct()), func.min(exports.c.received)
        wanted = (
            select(destinations.c.name, exports.c.state, count, oldest)
            .join(exports, exports.c.export_id == destinations.c.export_id)
            .where(exports.c.state.in_(shown), _misses_something())
            .group_by(destinations.c.name, exports.c.state)
        )
        with database_errors(), self._engine.connect() as connection:
            return [DestinationDepth(name, ExportState(state), *of) for name, state, *of in connection.execute(wanted)]


def _conditions(wanted: ExportFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state is not None:
        yield exports.c.state == wanted.state
    if wanted.destination is not None:
        there = select(destinations.c.export_id).where(destinations.c.name == wanted.destination)
        yield exports.c.export_id.in_(there)
    if wanted.payload is not None:
        yield exports.c.payload_id == wanted.payload
    if wanted.since is not None:
        yield exports.c.received >= wanted.since
    if wanted.until is not None:
        yield exports.c.received < wanted.until


def _misses_something() -> ColumnElement[bool]:
    """Whether a destination of an export has not all of it; one that was to have nothing at all has not."""
    there = (sends.c.export_id == destinations.c.export_id) & (sends.c.destination == destinations.c.position)
    stored = sends.c.state.in_(sorted(state for state in SendState if state.is_stored))
    return exists().where(there, ~stored) | ~exists().where(there)


def _values(connection: Connection, rows: Sequence[ExportRow]) -> list[dict[str, Any]]:
    """Every field of each row under its own name, and what is counted."""
    ids = [row.export_id for row in rows]
    file_counts, (stored, missing) = _file_counts(connection, ids), _send_counts(connection, ids)
    return [
        asdict(row)
        | {"files": file_counts[row.export_id], "stored": stored[row.export_id], "missing": missing[row.export_id]}
        for row in rows
    ]


def _names(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {export_id: [] for export_id in ids}
    places = select(destinations.c.export_id, destinations.c.name)
    ours = (destinations.c.export_id.in_(ids)) & (destinations.c.output == 0)
    for row in connection.execute(places.where(ours).order_by(destinations.c.position)):
        found[row.export_id].append(row.name)
    return found


def _file_counts(connection: Connection, ids: Sequence[UUID]) -> Counter[UUID]:
    totals = select(files.c.export_id, func.count().label("files")).where(files.c.export_id.in_(ids))
    return Counter({row.export_id: row.files for row in connection.execute(totals.group_by(files.c.export_id))})


def _send_counts(connection: Connection, ids: Sequence[UUID]) -> tuple[Counter[UUID], Counter[UUID]]:
    """How many are stored, and how many are not, for each export."""
    stored: Counter[UUID] = Counter()
    missing: Counter[UUID] = Counter()
    counted = select(sends.c.export_id, sends.c.state, func.count().label("sends")).where(sends.c.export_id.in_(ids))
    for row in connection.execute(counted.group_by(sends.c.export_id, sends.c.state)):
        (stored if SendState(row.state).is_stored else missing)[row.export_id] += row.sends
    return stored, missing


def _destination(row: DestinationRow, going: Sequence[SendRow]) -> DestinationView:
    here = [send for send in going if send.destination == row.name]
    stored = sum(send.state.is_stored for send in here)
    shown = [
        FileView(send.path, send.state, send.status, send.reason, send.attempts, send.first_tried, send.last_tried)
        for send in here
    ]
    return DestinationView(row.name, stored, len(here) - stored, row.away_since, row.reason, shown)
