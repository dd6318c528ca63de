"""The work of one kind, as the dispatcher sees it: whichever kind. All methods raise DatabaseUnavailable."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from gateway.database import database_errors
from gateway.database.totals import add, duration
from gateway.errors import PermanentError
from gateway.work import rows, waiting
from gateway.work.lease import Lease
from gateway.work.rows import Work, WorkTable
from gateway.work.transitions import Event

RUN_ASKED = "run_asked_seconds"
"""What is counted by kind: how long work was here until its first run was asked for."""


class NoSuchWork(PermanentError):
    """Nothing has this id."""


@dataclass(frozen=True, slots=True)
class WorkLedger:
    """The rows of a kind of work, and the leases on them. Within `scope` the dispatcher of this node sees to it."""

    engine: Engine
    of: WorkTable
    scope: ColumnElement[bool] | None = None

    def find(self, work_id: UUID) -> Work | None:
        """Return work by its id, be it this node's or not."""
        return next(iter(WorkLedger(self.engine, self.of)._select(self.of.id == work_id, limit=1)), None)

    def without_run(self, limit: int) -> list[Work]:
        """Return work that needs a run and has none, the oldest first."""
        column, row = self.of.table.c, self.of.transitions.of(Event.DISPATCHED)
        return self._select(column.state.in_(sorted(row.origins)) & column.flow_run_id.is_(None), limit)

    def with_run(self, after: UUID | None, limit: int) -> list[Work]:
        """Return work that a run is to bring to its end: a page of it, in the order of ids, from the one `after`."""
        wanted = self._is_open & self.of.table.c.flow_run_id.is_not(None)
        if after is not None:
            wanted &= self.of.id > after
        return self._select(wanted, limit, order=self.of.id)

    def count(self, state: StrEnum) -> int:
        """How much work is in this state."""
        wanted = select(func.count()).select_from(self.of.table).where(self.of.table.c.state == state)
        with database_errors(), self.engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def counts(self, states: Collection[StrEnum] | None = None) -> dict[StrEnum, int]:
        """How much work is in each state that any is in, or in each of these. Costs as much as there is counted."""
        column = self.of.table.c
        wanted = select(column.state, func.count()).group_by(column.state)
        if states is not None:
            wanted = wanted.where(column.state.in_(sorted(states)))
        return {self._state(state): count for state, count in self._rows(wanted)}

    def oldest(self) -> dict[StrEnum, datetime]:
        """Since when the oldest work that is not over is here, by the state that it is in."""
        column, ends = self.of.table.c, self.of.transitions.ends
        open_ = sorted(state for state in type(self.of.transitions.initial) if state not in ends)  # found by the index
        wanted = select(column.state, func.min(self.of.since)).where(column.state.in_(open_)).group_by(column.state)
        return {self._state(state): since for state, since in self._rows(wanted)}

    def depths(self) -> dict[StrEnum, tuple[int, datetime]]:
        """Both, of what is over as well: for a table whose index by state has the time too."""
        column = self.of.table.c
        wanted = select(column.state, func.count(), func.min(self.of.since)).group_by(column.state)
        return {self._state(state): (count, since) for state, count, since in self._rows(wanted)}

    def note_run(self, work_id: UUID, attempt: int, flow_run_id: UUID, asked: datetime | None = None) -> bool:
        """Run number `attempt` of this work is this one, which may have begun already.

        False where the work is over meanwhile, as after a cancel: nobody wants that run. The first that was `asked`
        for is counted by how long that took.
        """
        column, noted = self.of.table.c, {"attempt": attempt, "flow_run_id": flow_run_id}
        with database_errors(), self.engine.begin() as connection:
            rows.write(connection, self.of, self.of.id == work_id, noted)
            is_dispatched = rows.apply(connection, self.of, Event.DISPATCHED, work_id, message="", next_try=None)
            open_ = select(column.state).where(self.of.id == work_id, self._is_open)
            is_wanted = connection.execute(open_).first() is not None
            if asked and attempt == 1 and is_dispatched:
                self._count_asked(connection, work_id, asked)
            return is_wanted

    def ask_for_another_run(self, seen: Work, event: Event = Event.RUN_LOST) -> bool:
        """The last run is no more: the next one is asked for. False where something has happened since it was seen.

        Whoever holds the work is fenced off: a run that was taken for dead may wake up.
        """
        changes: dict[str, Any] = {"attempt": seen.attempt + 1, "fencing_token": seen.fencing_token + 1}
        changes |= {"flow_run_id": None, "message": "", "next_try": None}
        with database_errors(), self.engine.begin() as connection:
            waiting.interrupt(connection, self.of.key(seen.work_id))
            return rows.apply(connection, self.of, event, seen.work_id, rows.as_seen(self.of, seen), **changes)

    def note_released(self, connection: Connection, work_id: UUID) -> bool:
        """Its run starts now instead of at its own time. False where it does not wait any more."""
        return rows.apply(connection, self.of, Event.RELEASED, work_id, message="", next_try=None)

    def is_any_open(self) -> bool:
        """Whether any work is not over."""
        return bool(self._select(self._is_open, limit=1))

    @contextmanager
    def taking(self, work_id: UUID) -> Iterator[tuple[Connection, Lease]]:
        """A transaction that begins by taking the lease: from its commit on, what earlier holders write is refused.

        Raises NoSuchWork.
        """
        token = self.of.table.c.fencing_token
        with database_errors(), self.engine.begin() as connection:
            # Which locks the row, too.
            if not rows.write(connection, self.of, self.of.id == work_id, {"fencing_token": token + 1}):
                raise NoSuchWork(f"there is no {self.of.kind} {work_id}")
            taken = connection.execute(select(token).where(self.of.id == work_id)).scalar_one()
            yield connection, Lease(self.engine, self.of, work_id, taken)

    def take_from_run(self, seen: Work) -> Lease | None:
        """Take work from a run that is over; None where something has happened since it was seen."""
        token = seen.fencing_token + 1
        with database_errors(), self.engine.begin() as connection:
            if not rows.write(connection, self.of, rows.as_seen(self.of, seen), {"fencing_token": token}):
                return None
        return Lease(self.engine, self.of, seen.work_id, token)

    def _count_asked(self, connection: Connection, work_id: UUID, asked: datetime) -> None:
        since = connection.execute(select(self.of.since).where(self.of.id == work_id)).scalar_one()
        waited = duration(RUN_ASKED, (asked - since).total_seconds(), self.of.kind)
        add(connection, waited, rows.node_of(connection, self.of, work_id))

    @property
    def _is_open(self) -> ColumnElement[bool]:
        return self.of.table.c.state.not_in(sorted(self.of.transitions.ends))

    def _state(self, value: str) -> StrEnum:
        return type(self.of.transitions.initial)(value)

    def _rows(self, wanted: Select[Any]) -> list[Any]:
        """Rows within `scope`."""
        within = wanted if self.scope is None else wanted.where(self.scope)
        with database_errors(), self.engine.connect() as connection:
            return list(connection.execute(within))

    def _select(
        self, condition: ColumnElement[bool], limit: int | None = None, order: ColumnElement[Any] | None = None
    ) -> list[Work]:
        column, state = self.of.table.c, type(self.of.transitions.initial)
        shown = (self.of.id, column.state, column.fencing_token, column.attempt, column.flow_run_id)
        if self.scope is not None:
            condition &= self.scope
        by = (self.of.since, self.of.id) if order is None else (order,)
        question = select(*shown).where(condition).order_by(*by).limit(limit)
        with database_errors(), self.engine.connect() as connection:
            return [Work(found[0], state(found[1]), *found[2:]) for found in connection.execute(question)]
