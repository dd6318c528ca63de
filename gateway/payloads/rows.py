"""The table of the payloads, and what one row of it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Index, Integer, Row, String, Table, Uuid, false

from gateway.clock import time_of
from gateway.database import UtcDateTime, metadata, values_of
from gateway.database.totals import Series, duration
from gateway.payloads.payload import Payload
from gateway.work.rows import WorkTable, work_columns
from gateway.work.transitions import Event, Transitions, transition


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


PHASES = "payload_phase_seconds"
"""What is counted by phase."""

RUN_BEGAN = "run_began_seconds"
"""What is counted by kind: how long a payload was closed until its first run began."""


class Phase(StrEnum):
    """One after the other, from the last instance on."""

    QUIET = "quiet"  # until it was closed
    STORING = "storing"  # until all of it was stored, the wait for a run with it
    ANNOUNCING = "announcing"  # until it was announced


@dataclass(frozen=True, slots=True)
class PayloadRow:
    """What the index knows of one payload. The AE titles are those of its first instance, or what an event names.

    `request_id`: the inference request that it came from. One that is `partial` lacks what that had asked for.
    """

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
    last_received: datetime | None  # None: taken in by a program that did not keep it
    attempt: int  # of its runs, from 1
    flow_run_id: UUID | None
    state: Dispatch
    message: str
    next_try: datetime | None
    uploaded: datetime | None  # as far as the dispatcher knows: when it is announced
    announced: datetime | None
    lookup_key: str | None  # fingerprint of the key of its digests; None: it has none, not even of nothing
    request_id: UUID | None
    resources: int  # of FHIR
    partial: bool


payloads = Table(
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
    Column("last_received", UtcDateTime),
    *work_columns(),
    Column("uploaded", UtcDateTime),
    Column("announced", UtcDateTime),
    Column("lookup_key", String(16)),
    Column("request_id", Uuid),
    Column("resources", Integer, nullable=False, server_default="0"),
    Column("partial", Boolean, nullable=False, server_default=false()),
    Index("payloads_by_closing", "closed"),
    Index("payloads_by_state", "state", "closed"),
    Index("payloads_by_node", "node_id", "state"),
    Index("payloads_by_calling_ae", "calling_ae", "closed"),
    Index("payloads_by_called_ae", "called_ae", "closed"),
    Index("payloads_by_what_closed", "closed_by", "closed"),
    Index("payloads_by_lookup_key", "lookup_key", "closed"),
)

WORK = WorkTable("payload", payloads, payloads.c.payload_id, payloads.c.closed, TRANSITIONS, payloads.c.node_id)


def of_node(node_id: UUID) -> ColumnElement[bool]:
    """That a payload lies on the spool of this node."""
    return payloads.c.node_id == node_id


def row_of(payload: Payload) -> PayloadRow:
    """The row of a payload that has no run yet."""
    origin = payload.origin
    received = [each.received_ns for each in payload.files]
    return PayloadRow(
        payload_id=payload.payload_id,
        node_id=payload.node,
        called_ae=origin.destination,
        calling_ae=origin.source,
        service=int(origin.service),
        instances=len(payload.instances),
        bytes=payload.bytes,
        opened=time_of(min(received)) if payload.requested_by else payload.opened,
        closed=payload.closed,
        closed_by=payload.closed_by,
        supplements=payload.supplements,
        last_received=time_of(max(received)),
        attempt=1,
        flow_run_id=None,
        state=Dispatch.RECORDED,
        message="",
        next_try=None,
        uploaded=None,
        announced=None,
        lookup_key=payload.lookups.key if payload.lookups else None,
        request_id=None,
        resources=len(payload.resources),
        partial=payload.partial,
    )


def payload_row(found: Row[Any]) -> PayloadRow:
    values = values_of(found, (payloads.c[name] for name in PayloadRow.__slots__))
    return PayloadRow(**values | {"state": Dispatch(values["state"])})


def counted_phases(row: PayloadRow, began: datetime | None) -> dict[Series, float]:
    """What an announced payload adds to the totals, as far as it is known when things happened.

    `began`: when its first run did. A phase that an earlier program was in is not known.
    """
    spans = [
        (PHASES, Phase.QUIET, row.last_received, row.closed),
        (PHASES, Phase.STORING, row.closed, row.uploaded),
        (PHASES, Phase.ANNOUNCING, row.uploaded, row.announced),
        (RUN_BEGAN, WORK.kind, row.closed, began),
    ]
    counted: dict[Series, float] = {}
    for name, label, begin, end in spans:
        if begin and end:
            counted |= duration(name, (end - begin).total_seconds(), label)
    return counted
