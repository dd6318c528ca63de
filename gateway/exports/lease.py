"""A run's lease on an export, and what it writes under it: each outcome as soon as it is known, and the settlement.

What an earlier run still writes is refused with TakenOver, so that two of them can never both go on: at most what was
on its way is sent twice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Table, bindparam, func, select, update

from gateway.database import UtcDateTime, database_errors
from gateway.database.totals import Totals, add
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import Dependency
from gateway.events.outbox import put
from gateway.events.port import Message
from gateway.exports.ledger import add_destination
from gateway.exports.states import DestinationRow, ExportRow, ExportState, FileStatus, SendRow, SendState
from gateway.exports.tables import (
    WORK,
    destinations,
    destinations_of,
    export_of,
    exports,
    missing_of,
    paths_of,
    sends,
    sends_of,
    suspects_of,
)
from gateway.work import waiting
from gateway.work.lease import Lease
from gateway.work.ledger import WorkLedger
from gateway.work.transitions import Event
from gateway.work.waiting import Wait, waits_of

Note = Callable[[int, StoreOutcome, datetime], None]
"""Keeps what a peer answered about a file. One that is not stored for now stays to be sent. Raises TakenOver."""


def take(engine: Engine, export_id: UUID, run_id: UUID | None = None) -> "ExportLease | None":
    """Begin, go on with or, where it has settled without success, retry an export; None where nothing is missing.

    A retry sends what is missing, and has the whole of `retry_for_seconds` again. `run_id` is that of Prefect's run,
    which is the export's from now on. Raises DatabaseUnavailable and NoSuchWork.
    """
    with WorkLedger(engine, WORK).taking(export_id) as (connection, lease):
        row = export_of(connection, export_id)
        assert row
        if row.state is ExportState.SUCCEEDED:
            return None
        if row.settled:
            _open_again(connection, export_id)
        waiting.interrupt(connection, WORK.key(export_id))
        run = {"flow_run_id": run_id} if run_id else {}
        lease.apply(connection, Event.TAKEN, message="", next_try=None, **run)
    return ExportLease(lease, is_retry=row.settled is not None)


@dataclass(frozen=True, slots=True)
class ExportLease:
    """The right to go on with an export. All methods raise DatabaseUnavailable, those that write TakenOver."""

    lease: Lease
    is_retry: bool = False  # of an export that had settled

    @property
    def export_id(self) -> UUID:
        return self.lease.work_id

    @property
    def fencing_token(self) -> int:
        return self.lease.fencing_token

    @property
    def engine(self) -> Engine:
        return self.lease.engine

    def row(self) -> ExportRow:
        with database_errors(), self.engine.connect() as connection:
            found = export_of(connection, self.export_id)
        assert found
        return found

    def destinations(self) -> list[DestinationRow]:
        """Return the destinations in the order of the request."""
        with database_errors(), self.engine.connect() as connection:
            return destinations_of(connection, self.export_id)

    def missing(self, destination: int) -> dict[int, str]:
        """Return the files, by their numbers, that are still to be sent to a destination."""
        with database_errors(), self.engine.connect() as connection:
            return missing_of(connection, self.export_id, destination)

    def suspects(self, destination: int) -> set[int]:
        """Return the numbers of the files that were tried there and are still to be sent."""
        with database_errors(), self.engine.connect() as connection:
            return suspects_of(connection, self.export_id, destination)

    @contextmanager
    def noting(self, destination: int) -> Iterator[Note]:
        """What notes the outcomes at a destination, each with a commit of its own, over one connection."""
        place = {"export": self.export_id, "place": destination, "held": self.fencing_token}
        with database_errors(), self.engine.connect() as connection:

            def note(file: int, outcome: StoreOutcome, now: datetime) -> None:
                told = {"new_state": _STATES[outcome.outcome], "status_code": _file_status(outcome), "now": now}
                told |= {"answer": outcome.status, "why": outcome.reason, "number": file}
                changed = connection.execute(_NOTE, place | told)
                connection.commit()
                if changed.rowcount == 0:
                    raise self.lease.taken_over()

            yield note

    def fail(self, status: FileStatus, reason: str, *, destination: int | None = None, file: int | None = None) -> None:
        """Give up what is still to be sent: all of it, or only to a destination, or only of a file."""
        condition = self._ours(sends) & (sends.c.state == SendState.PENDING)
        if destination is not None:
            condition &= sends.c.destination == destination
        if file is not None:
            condition &= sends.c.file == file
        changes = {"state": SendState.FAILED, "file_status": status, "reason": reason}
        with self.lease.writing() as connection:
            connection.execute(update(sends).where(condition).values(changes))

    def note_away(self, destination: int, reason: str, now: datetime, *, waits: bool) -> None:
        """Nothing gets to this destination for now; `waits`: the export goes on when it answers."""
        changes = {"waits": waits, "reason": reason, "away_since": func.coalesce(destinations.c.away_since, now)}
        self._change_destination(destination, changes)

    def note_there(self, destination: int) -> None:
        """The destination answers."""
        self._change_destination(destination, {"waits": False, "reason": "", "away_since": None})

    def split(self, destination: DestinationRow, outputs: int) -> None:
        """What one name stands for are several services: each gets every file."""
        with self.lease.writing() as connection:
            known = destinations_of(connection, self.export_id)
            there = sum(row.name == destination.name for row in known)
            for output in range(there, outputs):
                row = DestinationRow(len(known) + output - there, destination.name, output, False, None, "")
                add_destination(connection, self.export_id, row, range(len(paths_of(connection, self.export_id))))

    def waiting_since(self, dependency: Dependency) -> datetime | None:
        """Since when the export has waited for a part of ours, without a break."""
        with database_errors(), self.engine.connect() as connection:
            kept = waits_of(connection, self.lease.of.key(self.export_id))
        return next((row.since for row in kept if row.dependency is dependency), None)

    def results(self) -> tuple[list[str], list[SendRow]]:
        """Return every path, and what became of each at each destination."""
        with database_errors(), self.engine.connect() as connection:
            return paths_of(connection, self.export_id), sends_of(connection, self.export_id)

    def wait(self, waits: Sequence[Wait], next_try: datetime, now: datetime) -> None:
        """The run ends for now."""
        reason = "; ".join(dict.fromkeys(wait.reason for wait in waits))
        self.lease.wait(waits, next_try, now, message=reason)

    def settle(self, event: Event, reason: str, told: Message | None, counted: Totals, now: datetime) -> None:
        """The export is over: that, and what is to be told and counted of it, in one commit."""
        number = exports.c.settlements + 1
        changes = {"message": reason, "next_try": None, "settlements": number, "settled": now}
        with self.lease.writing() as connection:
            self.lease.apply(connection, event, **changes)
            if told:
                put(connection, told)
            add(connection, counted)

    def _change_destination(self, destination: int, changes: dict[str, Any]) -> None:
        at = destinations.c.position == destination
        with self.lease.writing() as connection:
            connection.execute(update(destinations).where(self._ours(destinations), at).values(changes))

    def _ours(self, table: Table) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = table.c.export_id == self.export_id
        return condition


_STATES = {
    Outcome.STORED: SendState.STORED,
    Outcome.STORED_WITH_REMARK: SendState.REMARKED,
    Outcome.TRANSIENT: SendState.PENDING,
    Outcome.FINAL: SendState.FAILED,
    Outcome.UNSUPPORTED: SendState.FAILED,
}

# Made once: it is executed for each file, and to make it takes longer than that.
_NOTE = (
    update(sends)
    .where(
        sends.c.export_id == bindparam("export"),
        sends.c.destination == bindparam("place"),
        sends.c.file == bindparam("number"),
        select(exports.c.fencing_token).where(exports.c.export_id == bindparam("export")).scalar_subquery()
        == bindparam("held"),
    )
    .values(
        state=bindparam("new_state"),
        file_status=bindparam("status_code"),
        status=bindparam("answer"),
        reason=bindparam("why"),
        attempts=sends.c.attempts + 1,
        first_tried=func.coalesce(sends.c.first_tried, bindparam("now", type_=UtcDateTime)),
        last_tried=bindparam("now", type_=UtcDateTime),
    )
)


def _open_again(connection: Connection, export_id: UUID) -> None:
    failed = (sends.c.export_id == export_id) & (sends.c.state == SendState.FAILED)
    pending = {"state": SendState.PENDING, "file_status": FileStatus.SUCCESS}
    connection.execute(update(sends).where(failed).values(pending))
    there = {"waits": False, "away_since": None, "reason": ""}
    connection.execute(update(destinations).where(destinations.c.export_id == export_id).values(there))
    connection.execute(update(exports).where(exports.c.export_id == export_id).values(settled=None))


def _file_status(outcome: StoreOutcome) -> FileStatus:
    failures = {Outcome.FINAL: FileStatus.SERVICE_ERROR, Outcome.UNSUPPORTED: FileStatus.UNSUPPORTED_DATA_TYPE}
    return failures.get(outcome.outcome, FileStatus.SUCCESS)
