"""What a run writes to the ledger: each outcome as soon as it is known, and the settlement with what is to be told.

A run holds a lease on its export. What an earlier run still writes is refused with TakenOver, so that two of them can
never both go on: at most what was on its way is sent twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Table, bindparam, func, select, update

from gateway.database import UtcDateTime, database_errors
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import Dependency
from gateway.events.outbox import put
from gateway.events.port import Message
from gateway.exports.ledger import add_destination
from gateway.exports.rows import destinations_of, export_of, paths_of, sends_of
from gateway.exports.states import DestinationRow, ExportRow, FileStatus, SendRow, SendState
from gateway.exports.tables import destinations, exports, files, sends
from gateway.work.lease import Lease
from gateway.work.transitions import Event
from gateway.work.waiting import waits_of

Note = Callable[[int, StoreOutcome, datetime], None]
"""Keeps what a peer answered about a file. One that is not stored for now stays to be sent. Raises TakenOver."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run's lease on an export. All methods raise DatabaseUnavailable, those that write TakenOver."""

    lease: Lease
    is_retry: bool = False  # of an export that had settled

    @property
    def export_id(self) -> UUID:
        return self.lease.work_id

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

    def missing(self, destination: int | None = None) -> dict[int, str]:
        """Return the files, by their numbers, that are still to be sent to a destination, or to any.

        Those that were tried most often come last: one of them may be why an association broke.
        """
        wanted = (
            select(files.c.position, files.c.path)
            .join(sends, (sends.c.export_id == files.c.export_id) & (sends.c.file == files.c.position))
            .where(files.c.export_id == self.export_id, sends.c.state == SendState.PENDING)
            .group_by(files.c.position, files.c.path)
            .order_by(func.max(sends.c.attempts), files.c.position)
        )
        if destination is not None:
            wanted = wanted.where(sends.c.destination == destination)
        with database_errors(), self.engine.connect() as connection:
            return {row.position: row.path for row in connection.execute(wanted)}

    def suspects(self, destination: int) -> set[int]:
        """Return the numbers of the files that were tried there and are still to be sent."""
        wanted = select(sends.c.file).where(
            sends.c.export_id == self.export_id,
            sends.c.destination == destination,
            sends.c.state == SendState.PENDING,
            sends.c.attempts > 0,
        )
        with database_errors(), self.engine.connect() as connection:
            return set(connection.scalars(wanted))

    @contextmanager
    def noting(self, destination: int) -> Iterator[Note]:
        """What notes the outcomes at a destination, each with a commit of its own, over one connection."""
        place = {"export": self.export_id, "place": destination, "held": self.lease.fencing_token}
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

    def settle(self, event: Event, reason: str, message: Message, settlement: int, now: datetime) -> None:
        """The export is over: that, and what is to be told of it, in one commit."""
        changes = {"message": reason, "next_try": None, "settlements": settlement, "settled": now}
        with self.lease.writing() as connection:
            self.lease.apply(connection, event, **changes)
            put(connection, message)

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


def _file_status(outcome: StoreOutcome) -> FileStatus:
    failures = {Outcome.FINAL: FileStatus.SERVICE_ERROR, Outcome.UNSUPPORTED: FileStatus.UNSUPPORTED_DATA_TYPE}
    return failures.get(outcome.outcome, FileStatus.SUCCESS)
