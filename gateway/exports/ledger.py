"""The ledger of exports: what was asked for, and which run sees to it.

A request is recorded once, durably, before it is acknowledged. What a run writes goes through
`gateway.exports.lease`, what people see through `gateway.exports.listing`. All methods raise DatabaseUnavailable.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Table, func, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.config import Settings
from gateway.database import database_errors, open_database
from gateway.exports.request import ExportRequest
from gateway.exports.states import DestinationRow, ExportRow, ExportState, FileStatus, SendState
from gateway.exports.tables import WORK, destinations, destinations_of, export_of, exports, files, sends
from gateway.work.ledger import WorkLedger
from gateway.work.rows import NEW_WORK
from gateway.work.wake_up import wake_up


class ExportLedger:
    """For the listeners, which record, and for the dispatcher, which sees to the `work`."""

    def __init__(self, engine: Engine, wake_up: Callable[[], None] = lambda: None) -> None:
        """`wake_up` is called after what the dispatcher should see to at once."""
        self.engine = engine
        self.work = WorkLedger(engine, WORK)
        self._wake_up = wake_up

    @classmethod
    def of(cls, settings: Settings, engine: Engine | None = None) -> "ExportLedger":
        """The ledger of a node, on an engine that is open already or on its own.

        Raises SettingsError where the database's address can't be used.
        """
        return cls(engine or open_database(settings.database_url), partial(wake_up, settings.paths.wake_ups))

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
            except IntegrityError:  # another listener was quicker
                return False
        self._wake_up()
        return True

    def row(self, export_id: UUID) -> ExportRow | None:
        with database_errors():
            return _find(self.engine, export_id)

    def destinations(self, export_id: UUID) -> list[DestinationRow]:
        """Return an export's destinations in the order of the request."""
        with database_errors(), self.engine.connect() as connection:
            return destinations_of(connection, export_id)

    def file_count(self, export_id: UUID) -> int:
        with database_errors(), self.engine.connect() as connection:
            wanted = select(func.count()).select_from(files).where(files.c.export_id == export_id)
            return int(connection.execute(wanted).scalar_one())


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


def _insert(connection: Connection, request: ExportRequest, now: datetime) -> None:
    export_id, paths = request.export_id, tuple(dict.fromkeys(request.files))
    connection.execute(insert(exports).values(asdict(new_row(request, now))))
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


def new_row(request: ExportRequest, now: datetime) -> ExportRow:
    """Return the row of a request that is recorded now."""
    return ExportRow(
        export_id=request.export_id,
        origin=request.origin,
        workflow_instance_id=request.workflow_instance_id,
        export_task_id=request.export_task_id,
        correlation_id=request.correlation_id,
        agent=request.agent,
        payload_id=request.payload_id,
        problem=request.problem,
        received=now,
        state=ExportState.RECORDED,
        settlements=0,
        settled=None,
        **NEW_WORK,
    )
