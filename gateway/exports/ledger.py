"""The ledger of exports: what was asked for, and which run sees to it.

A request is recorded once, durably, before it is acknowledged. What a run writes goes through
`gateway.exports.attempt`, what people see through `gateway.exports.listing`. All methods raise DatabaseUnavailable.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.bell import bell_directory, ring
from gateway.config import Settings
from gateway.database import database_errors, open_database
from gateway.exports.request import ExportRequest
from gateway.exports.rows import destinations_of, export_of, export_row
from gateway.exports.states import SETTLED, DestinationRow, ExportRow, ExportState, FileStatus, SendState, Wanted
from gateway.exports.tables import destinations, exports, files, sends

_UNSETTLED = exports.c.state.not_in(sorted(SETTLED))


class ExportLedger:
    """For the doors, which record, and for the dispatcher, which sees that each export has a run."""

    def __init__(self, engine: Engine, ring: Callable[[], None] = lambda: None) -> None:
        """`ring` is called after what the dispatcher should see to at once."""
        self.engine = engine
        self._ring = ring

    @classmethod
    def of(cls, settings: Settings, engine: Engine | None = None) -> "ExportLedger":
        """The ledger of a node, on an engine that is open already or on its own.

        Raises SettingsError where the database's address can't be used.
        """
        return cls(engine or open_database(settings.database_url), partial(ring, bell_directory(settings, "exports")))

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def record(self, request: ExportRequest, now: datetime) -> bool:
        """Keep a request; return whether it is new. A known one changes nothing. On return it survives a power cut."""
        with database_errors():
            if _find(self.engine, request.export_id):
                return False
            try:
                with self.engine.begin() as connection:
                    _insert(connection, request, now)
            except IntegrityError:  # another door was quicker
                return False
        self._ring()
        return True

    def row(self, export_id: UUID) -> ExportRow | None:
        with database_errors():
            return _find(self.engine, export_id)

    def undispatched(self, limit: int) -> list[ExportRow]:
        """Return exports that have no run yet, the oldest first."""
        return self._rows(exports.c.state == ExportState.RECORDED, limit)

    def unsettled_with_run(self) -> list[ExportRow]:
        """Return exports that a run is to settle, the oldest first."""
        return self._rows(_UNSETTLED & exports.c.flow_run_id.is_not(None))

    def waiting(self) -> list[ExportRow]:
        """Return exports that wait, the oldest first."""
        return self._rows(exports.c.state == ExportState.WAITING)

    def wanted(self) -> list[ExportRow]:
        """Return exports of which an operator wants something."""
        return self._rows(exports.c.wanted.is_not(None))

    def has_unsettled(self) -> bool:
        return bool(self._rows(_UNSETTLED, limit=1))

    def note_run(self, export_id: UUID, attempt: int, flow_run_id: UUID) -> None:
        """The export's run number `attempt` is this one."""
        changes = {"attempt": attempt, "flow_run_id": flow_run_id}
        self._change(exports.c.export_id == export_id, changes)
        self._change((exports.c.export_id == export_id) & (exports.c.state == ExportState.RECORDED), _QUEUED)

    def ask_for_another_run(self, row: ExportRow) -> None:
        """The last run is no more: have the dispatcher ask for the next, unless something has happened since."""
        changes = {"state": ExportState.RECORDED, "attempt": row.attempt + 1, "flow_run_id": None, "wanted": None}
        self._change(_as_seen(row) & (exports.c.state == row.state), changes)

    def want(self, row: ExportRow, wanted: Wanted) -> None:
        """Note what an operator asks for; the dispatcher sees to it."""
        self._change(exports.c.export_id == row.export_id, {"wanted": wanted})
        self._ring()

    def done(self, row: ExportRow) -> None:
        """What was wanted is seen to."""
        self._change((exports.c.export_id == row.export_id) & (exports.c.wanted == row.wanted), {"wanted": None})

    def note_released(self, row: ExportRow, now: datetime) -> bool:
        """The export's run starts now instead of at its own time. False where somebody else has seen to that."""
        is_waiting = _as_seen(row) & (exports.c.state == ExportState.WAITING)
        changes = _QUEUED | {"releases": row.releases + 1, "released": now}
        return self._change(is_waiting, changes) == 1

    def destinations(self, export_id: UUID) -> list[DestinationRow]:
        """Return an export's destinations in the order of the request."""
        with database_errors(), self.engine.connect() as connection:
            return destinations_of(connection, export_id)

    def file_count(self, export_id: UUID) -> int:
        with database_errors(), self.engine.connect() as connection:
            wanted = select(func.count()).select_from(files).where(files.c.export_id == export_id)
            return int(connection.execute(wanted).scalar_one())

    def _rows(self, condition: ColumnElement[bool], limit: int | None = None) -> list[ExportRow]:
        wanted = select(exports).where(condition).order_by(exports.c.received, exports.c.export_id).limit(limit)
        with database_errors(), self.engine.connect() as connection:
            return [export_row(found) for found in connection.execute(wanted)]

    def _change(self, condition: ColumnElement[bool], changes: dict[str, Any]) -> int:
        with database_errors(), self.engine.begin() as connection:
            return connection.execute(update(exports).where(condition).values(changes)).rowcount


_QUEUED: dict[str, Any] = {"state": ExportState.QUEUED, "message": "", "next_try": None}


@contextmanager
def opened_ledger(source: str | Settings, *, may_upgrade: bool = True) -> Iterator[ExportLedger]:
    """The ledger of a node, or in the database at an address."""
    engine = open_database(source if isinstance(source, str) else source.database_url, may_upgrade=may_upgrade)
    ledger = ExportLedger(engine) if isinstance(source, str) else ExportLedger.of(source, engine)
    try:
        yield ledger
    finally:
        ledger.close()


def _find(engine: Engine, export_id: UUID) -> ExportRow | None:
    with engine.connect() as connection:
        return export_of(connection, export_id)


def _as_seen(row: ExportRow) -> ColumnElement[bool]:
    """That no run has taken the export up since it was looked at."""
    return (exports.c.export_id == row.export_id) & (exports.c.epoch == row.epoch)


def _insert(connection: Connection, request: ExportRequest, now: datetime) -> None:
    export_id, paths = request.export_id, tuple(dict.fromkeys(request.files))
    connection.execute(insert(exports).values(_new_export(request, now)))
    _insert_all(connection, files, [{"position": n, "path": path} for n, path in enumerate(paths)], export_id)
    for position, name in enumerate(request.destinations):
        add_destination(connection, export_id, DestinationRow(position, name, 0, False, None, ""), range(len(paths)))


def _insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], export_id: UUID) -> None:
    if rows:
        connection.execute(insert(table), [{"export_id": export_id, **row} for row in rows])


def add_destination(connection: Connection, export_id: UUID, row: DestinationRow, numbers: Iterable[int]) -> None:
    """Have the files of these numbers sent to another destination."""
    new: dict[str, Any] = {"state": SendState.PENDING, "file_status": FileStatus.SUCCESS, "reason": "", "attempts": 0}
    _insert_all(connection, destinations, [asdict(row)], export_id)
    _insert_all(connection, sends, [{"destination": row.position, "file": n} | new for n in numbers], export_id)


def _new_export(request: ExportRequest, now: datetime) -> dict[str, Any]:
    return {
        "export_id": request.export_id,
        "workflow_instance_id": request.workflow_instance_id,
        "export_task_id": request.export_task_id,
        "correlation_id": request.correlation_id,
        "agent": request.agent,
        "payload_id": request.payload_id,
        "problem": request.problem,
        "received": now,
        "state": ExportState.RECORDED,
        "message": "",
        "epoch": 0,
        "attempt": 1,
        "releases": 0,
        "settlements": 0,
    }
