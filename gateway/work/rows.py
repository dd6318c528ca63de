"""The rows of work: what every kind's table holds beside what only that kind knows, and the one place that writes it.

What a row may become stands in its kind's table of transitions.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Integer, String, Table, Text, Uuid, select, update

from gateway.database import UtcDateTime
from gateway.database.totals import OF_ALL_NODES, Series, add
from gateway.work import waiting
from gateway.work.transitions import Event, Transitions
from gateway.work.waiting import WorkKey


def work_columns() -> list[Column[Any]]:
    """The columns that the engine keeps in the table of every kind."""
    return [
        Column("state", String(16), nullable=False),
        Column("message", Text, nullable=False),  # why it waits, or why it did not succeed
        Column("next_try", UtcDateTime),
        Column("fencing_token", Integer, nullable=False),  # grows with every run that takes it
        Column("run_number", Integer, key="attempt", nullable=False),  # number of its Prefect run, from 1
        Column("flow_run_id", Uuid),
    ]


ENDED = "work_ended"
"""What is counted by kind and the state that it has ended in; what is retried ends once more."""

NEW_WORK: dict[str, Any] = {"message": "", "next_try": None, "fencing_token": 0, "attempt": 1, "flow_run_id": None}
"""What those columns hold at first, beside the state in which the kind's transitions begin."""


@dataclass(frozen=True, slots=True)
class WorkTable:
    """Where the work of a kind is kept. `since` is when it came: the oldest goes first. `node` is whose it is, where a
    node has its own.
    """

    kind: str
    table: Table
    id: Column[Any]
    since: Column[Any]
    transitions: Transitions
    node: Column[Any] | None = None

    def key(self, work_id: UUID) -> WorkKey:
        return WorkKey(self.kind, work_id)


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work as it was when it was looked at."""

    work_id: UUID
    state: StrEnum
    fencing_token: int
    attempt: int
    flow_run_id: UUID | None


def write(connection: Connection, of: WorkTable, which: ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Write values that are no state. False where no row is meant."""
    return connection.execute(update(of.table).where(which).values(values)).rowcount > 0


def apply(
    connection: Connection, of: WorkTable, event: Event, work_id: UUID, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    """Write what an event does, and `values` with it. False where it can't happen in the state that the work is in."""
    row = of.transitions.of(event)
    possible = of.table.c.state.in_(sorted(row.origins))
    changes = update(of.table).where(of.id == work_id, possible, *conditions).values({**values, "state": row.target})
    changed = connection.execute(changes).rowcount > 0
    if changed and row.target in of.transitions.ends:
        waiting.forget(connection, of.key(work_id))
        add(connection, {Series(ENDED, (of.kind, row.target)): 1}, node_of(connection, of, work_id))
    return changed


def node_of(connection: Connection, of: WorkTable, work_id: UUID) -> UUID:
    """Whose totals tell of work."""
    if of.node is None:
        return OF_ALL_NODES
    found: UUID = connection.execute(select(of.node).where(of.id == work_id)).scalar_one()
    return found


def as_seen(of: WorkTable, seen: Work) -> ColumnElement[bool]:
    """That nothing has happened to work since it was looked at."""
    column = of.table.c
    same = (of.id == seen.work_id) & (column.fencing_token == seen.fencing_token)
    return same & (column.state == seen.state) & (column.attempt == seen.attempt)
