"""The payloads that were received, each with its run: an index beside the spool, which holds the truth.

Lost or empty, it is filled again from the manifests in `ready/`; only payloads that are announced and gone are then
no longer listed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    insert,
    select,
)

from gateway.database import UtcDateTime, database_errors, ids_beginning, metadata, open_database, values_of
from gateway.payloads.payload import Payload
from gateway.work import rows, waiting
from gateway.work.ledger import WorkLedger
from gateway.work.rows import NEW_WORK, WorkTable, work_columns
from gateway.work.transitions import Event, Transitions, transition
from gateway.work.waiting import Wait


class Dispatch(StrEnum):
    """How far a payload has come, as the dispatcher knows it."""

    RECORDED = "recorded"  # no run yet
    DISPATCHED = "dispatched"  # its run is to start, at work, or has failed: Prefect says which
    WAITING = "waiting"
    ANNOUNCED = "announced"


_HAS_A_RUN = frozenset({Dispatch.DISPATCHED, Dispatch.WAITING})
_OPEN = _HAS_A_RUN | {Dispatch.RECORDED}

TRANSITIONS = Transitions(
    Dispatch.RECORDED,
    {Dispatch.ANNOUNCED},
    [
        transition(Event.DISPATCHED, {Dispatch.RECORDED}, Dispatch.DISPATCHED),
        transition(Event.TAKEN, _OPEN, Dispatch.DISPATCHED),
        transition(Event.WAITS, _OPEN, Dispatch.WAITING),
        transition(Event.RELEASED, {Dispatch.WAITING}, Dispatch.DISPATCHED),
        transition(Event.SUCCEEDED, _OPEN, Dispatch.ANNOUNCED),
        transition(Event.RUN_LOST, _HAS_A_RUN, Dispatch.RECORDED),
        transition(Event.RETRIED, _HAS_A_RUN, Dispatch.RECORDED),
    ],
)


@dataclass(frozen=True, slots=True)
class PayloadRow:
    """What the index knows of one payload. The AE titles are those of its first instance."""

    payload_id: UUID
    node_id: UUID
    called_ae: str
    calling_ae: str
    service: int
    instances: int
    bytes: int
    opened: datetime
    closed: datetime
    closed_by: str
    supplements: UUID | None
    attempt: int  # of its runs, from 1
    flow_run_id: UUID | None
    state: Dispatch
    message: str
    next_try: datetime | None
    announced: datetime | None


_payloads = Table(
    "payloads",
    metadata,
    Column("payload_id", Uuid, primary_key=True),
    Column("node_id", Uuid, nullable=False),
    Column("called_ae", String(64), nullable=False),
    Column("calling_ae", String(64), nullable=False),
    Column("service", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("opened", UtcDateTime, nullable=False),
    Column("closed", UtcDateTime, nullable=False),
    Column("closed_by", String(32), nullable=False),
    Column("supplements", Uuid),
    *work_columns(),
    Column("announced", UtcDateTime),
    Index("payloads_by_closing", "closed"),
    Index("payloads_by_node", "node_id", "state"),
)

WORK = WorkTable("payload", _payloads, _payloads.c.payload_id, _payloads.c.closed, TRANSITIONS)


def of_node(node_id: UUID) -> ColumnElement[bool]:
    """That a payload lies on the spool of this node."""
    return _payloads.c.node_id == node_id


class PayloadIndex:
    """The table, with one method for each thing that happens to a payload. All raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.work = WorkLedger(engine, WORK)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def record(self, payload: Payload) -> PayloadRow:
        """Take a closed payload in, and return its row: the one of before where it has one."""
        with database_errors():
            if row := self._find(payload.payload_id):
                return row
            row = row_of(payload)
            with self._engine.begin() as connection:
                connection.execute(insert(_payloads).values(NEW_WORK | asdict(row)))
            return row

    def note_announced(self, payload_id: UUID, at: datetime) -> None:
        """The payload has left `ready/`."""
        with database_errors(), self._engine.begin() as connection:
            rows.apply(connection, WORK, Event.SUCCEEDED, payload_id, announced=at, message="", next_try=None)

    def note_wait(self, payload_id: UUID, waits: Sequence[Wait], next_try: datetime, now: datetime) -> None:
        """Its run has ended for now. The spool says who may go on with it: here is only what it waits for."""
        said = {"message": waiting.sentence(waits, next_try), "next_try": next_try}
        with database_errors(), self._engine.begin() as connection:
            if rows.apply(connection, WORK, Event.WAITS, payload_id, **said):
                waiting.keep(connection, WORK.key(payload_id), waits, now, next_try)

    def note_taken(self, payload_id: UUID) -> None:
        """A run that has waited goes on."""
        with database_errors(), self._engine.begin() as connection:
            waiting.interrupt(connection, WORK.key(payload_id))
            rows.apply(connection, WORK, Event.TAKEN, payload_id, message="", next_try=None)

    def row(self, payload_id: UUID) -> PayloadRow | None:
        with database_errors():
            return self._find(payload_id)

    def open_rows(self, node_id: UUID) -> list[PayloadRow]:
        """Return the payloads of a node that are not announced, the oldest first."""
        wanted = select(_payloads).where(_payloads.c.node_id == node_id, _payloads.c.state != Dispatch.ANNOUNCED)
        with database_errors(), self._engine.connect() as connection:
            return [_row(found) for found in connection.execute(wanted.order_by(_payloads.c.closed))]

    def newest(self, limit: int, offset: int = 0, *, announced: bool | None = None) -> list[PayloadRow]:
        """Return payloads of every node, the newest first; where `announced` is given, only those or the others."""
        wanted = select(_payloads).order_by(_payloads.c.closed.desc(), _payloads.c.payload_id)
        if announced is not None:
            is_announced = _payloads.c.state == Dispatch.ANNOUNCED
            wanted = wanted.where(is_announced if announced else ~is_announced)
        with database_errors(), self._engine.connect() as connection:
            return [_row(found) for found in connection.execute(wanted.limit(limit).offset(offset))]

    def matching(self, beginning: str, limit: int = 2) -> list[PayloadRow]:
        """Return payloads whose id begins so, as run names and people abbreviate it."""
        wanted = select(_payloads).where(ids_beginning(_payloads.c.payload_id, beginning))
        with database_errors(), self._engine.connect() as connection:
            return [_row(found) for found in connection.execute(wanted.limit(limit))]

    def _find(self, payload_id: UUID) -> PayloadRow | None:
        with self._engine.connect() as connection:
            found = connection.execute(select(_payloads).where(_payloads.c.payload_id == payload_id)).one_or_none()
        return _row(found) if found else None


@contextmanager
def opened_payload_index(url: str, *, may_upgrade: bool = True) -> Iterator[PayloadIndex]:
    """The index in the database at `url`."""
    index = PayloadIndex(open_database(url, may_upgrade=may_upgrade))
    try:
        yield index
    finally:
        index.close()


def row_of(payload: Payload) -> PayloadRow:
    """The row of a payload that has no run yet."""
    origin = payload.instances[0].origin
    return PayloadRow(
        payload_id=payload.payload_id,
        node_id=payload.node,
        called_ae=origin.destination,
        calling_ae=origin.source,
        service=int(origin.service),
        instances=len(payload.instances),
        bytes=payload.bytes,
        opened=payload.opened,
        closed=payload.closed,
        closed_by=payload.closed_by,
        supplements=payload.supplements,
        attempt=1,
        flow_run_id=None,
        state=Dispatch.RECORDED,
        message="",
        next_try=None,
        announced=None,
    )


def _row(found: Row[Any]) -> PayloadRow:
    values = values_of(found, (_payloads.c[name] for name in PayloadRow.__slots__))
    return PayloadRow(**values | {"state": Dispatch(values["state"])})
