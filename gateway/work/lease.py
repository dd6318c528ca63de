"""The right to go on with a piece of work, with a fencing token: only the last to take it may write.

A run that froze, or that a lost connection made everybody believe to be dead, may wake up while another is at work.
Whatever it then writes is refused with TakenOver, so that the two never both go on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from gateway.database import database_errors
from gateway.errors import TakenOver
from gateway.work import rows, waiting
from gateway.work.rows import WorkTable
from gateway.work.transitions import Event
from gateway.work.waiting import Wait


class Held(Protocol):
    """The one face of every lease, wherever it is kept: in the database, or on the spool."""

    @property
    def work_id(self) -> UUID: ...

    @property
    def fencing_token(self) -> int: ...

    def check(self) -> None:
        """Raises TakenOver where another has taken it. To be asked before what can't be taken back."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease in the database. All methods raise DatabaseUnavailable, DatabaseRefused and TakenOver."""

    engine: Engine
    of: WorkTable
    work_id: UUID
    fencing_token: int

    def check(self) -> None:
        token = select(self.of.table.c.fencing_token).where(self.of.id == self.work_id)
        with database_errors(), self.engine.connect() as connection:
            if connection.execute(token).scalar_one_or_none() != self.fencing_token:
                raise self.taken_over()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that begins with a lock on the row, and is refused where the lease is lost."""
        mine = (self.of.id == self.work_id) & (self.of.table.c.fencing_token == self.fencing_token)
        with database_errors(), self.engine.begin() as connection:
            if not rows.write(connection, self.of, mine, {"fencing_token": self.fencing_token}):
                raise self.taken_over()
            yield connection

    def apply(self, connection: Connection, event: Event, **values: Any) -> None:
        """Write what an event does, within `writing`. Raises TakenOver where the work has come to an end meanwhile."""
        if not rows.apply(connection, self.of, event, self.work_id, **values):
            raise self.taken_over()

    def wait(self, waits: Sequence[Wait], next_try: datetime, now: datetime, **values: Any) -> None:
        """The run ends for now: what it waits for stands on its row, and the dispatcher sees to it."""
        with self.writing() as connection:
            said = {"message": waiting.sentence(waits, next_try), "next_try": next_try}
            self.apply(connection, Event.WAITS, **said | values)
            waiting.keep(connection, self.of.key(self.work_id), waits, now, next_try)

    def taken_over(self) -> TakenOver:
        return TakenOver(f"another run has taken {self.of.kind} {self.work_id}, or it has come to an end")
