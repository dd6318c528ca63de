"""Records into the tables, each once however often it comes, and out of them when they are old."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, bindparam, delete, exists, insert, select, update

from gateway.associations.record import RECEIVER_ENDED, AssociationRecord, Outcome
from gateway.associations.tables import associations, payloads_fed
from gateway.clock import time_of
from gateway.database import database_errors
from gateway.database.totals import Series, add
from gateway.payloads.addresses import addresses, keep_addresses

ENDED, REFUSED, BYTES = "associations", "associations_refused", "received_bytes"
"""What is counted: those that have ended, by outcome; the refusals among them; and what was received in all."""

_AT_ONCE = 200  # rows in one transaction, and values that SQLite and PostgreSQL both take in one statement

# What a record that comes again may have more of: a refusal that was repeated.
_GROWS = update(associations).where(
    associations.c.association_id == bindparam("known_id"), associations.c.times < bindparam("counted")
)
_GROWN = _GROWS.values(times=bindparam("counted"), last_known=bindparam("last"))

_IS_OPEN = associations.c.outcome == Outcome.OPEN
_RENEWED = update(associations).where(associations.c.association_id == bindparam("known_id"), _IS_OPEN)

_FED_IT = associations.c.association_id == payloads_fed.c.association_id
_fed_still = exists().where(
    _FED_IT, payloads_fed.c.payload_id == addresses.c.payload_id, associations.c.address == addresses.c.address
)
_FORGOTTEN = delete(addresses).where(
    addresses.c.payload_id == bindparam("fed"), addresses.c.address == bindparam("from"), ~_fed_still
)


class AssociationStore:
    """The tables, as the dispatcher writes them. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_in(self, records: Sequence[AssociationRecord], node_id: UUID) -> None:
        """Keep what the receiver of a node has noted. An end stands, with the count it has grown to."""
        for some in _portions(list(_latest(records).values())):
            with database_errors(), self._engine.begin() as connection:
                _take_in(connection, some, node_id)

    def renew(self, open_now: Sequence[AssociationRecord], node_id: UUID) -> None:
        """Keep those that are open on a node. Who was, is not now, and has no end, has lost it, as in a power cut.

        All ends must have been taken in that were noted before `open_now` was.
        """
        self.take_in(open_now, node_id)
        ids = [record.association_id for record in open_now]
        lost = update(associations).where(_IS_OPEN, associations.c.node_id == node_id)
        lost = lost.where(associations.c.association_id.not_in(ids))
        with database_errors(), self._engine.begin() as connection:
            cut = connection.execute(lost.values(outcome=Outcome.CUT, reason=RECEIVER_ENDED)).rowcount
            add(connection, {Series(ENDED, (Outcome.CUT,)): cut}, node_id)

    def remove_older(self, moment: datetime) -> int:
        """Remove those that nothing is known of since, a few at a time; return how many there were."""
        removed = 0
        while True:
            with database_errors(), self._engine.begin() as connection:
                old = select(associations.c.association_id).where(associations.c.last_known < moment)
                ids = list(connection.scalars(old.order_by(associations.c.last_known).limit(_AT_ONCE)))
                _remove(connection, ids)
            removed += len(ids)
            if len(ids) < _AT_ONCE:
                return removed


class _Known(NamedTuple):
    """What was known of an association before."""

    outcome: str
    times: int
    bytes: int

    @property
    def is_open(self) -> bool:
        return self.outcome == Outcome.OPEN


def _latest(records: Sequence[AssociationRecord]) -> Mapping[UUID, AssociationRecord]:
    """Each once: the first end of it, or the highest count."""
    latest: dict[UUID, AssociationRecord] = {}
    for record in records:
        before = latest.get(record.association_id)
        if before is None or before.is_open or record.times > before.times:
            latest[record.association_id] = record
    return latest


def _take_in(connection: Connection, records: Sequence[AssociationRecord], node_id: UUID) -> None:
    ids = [record.association_id for record in records]
    of = associations.c
    shown = (of.association_id, of.outcome, of.times, of.bytes)
    found = connection.execute(select(*shown).where(of.association_id.in_(ids)))
    known = {row.association_id: _Known(row.outcome, row.times, row.bytes) for row in found}
    if new := [record for record in records if record.association_id not in known]:
        connection.execute(insert(associations), [_row(record, node_id) for record in new])
    if renewed := [each for each in records if each.association_id in known and known[each.association_id].is_open]:
        renewals = [_row(record, node_id) | {"known_id": record.association_id} for record in renewed]
        connection.execute(_RENEWED, renewals)
    _add_fed(connection, [*new, *renewed])
    if grown := [_growth(record) for record in records if record.association_id in known and record.times > 1]:
        connection.execute(_GROWN, grown)
    counted: Counter[Series] = Counter()
    for record in records:
        counted.update(_counted(record, known.get(record.association_id)))
    add(connection, counted, node_id)


def _counted(record: AssociationRecord, before: _Known | None) -> dict[Series, int]:
    """What a record adds to what was known of it."""
    was_open = before is None or before.is_open
    ended_before = 0 if before is None or before.is_open else before.times
    ended = 0 if record.is_open else max(record.times - ended_before, 0)
    received = record.bytes - (before.bytes if before else 0) if was_open else 0
    refused = ended if record.is_refusal else 0
    return {Series(ENDED, (record.outcome,)): ended, Series(REFUSED): refused, Series(BYTES): max(received, 0)}


def _add_fed(connection: Connection, records: Sequence[AssociationRecord]) -> None:
    of = payloads_fed.c
    ids = [record.association_id for record in records if record.payload_ids]
    known = {
        (row.association_id, row.payload_id)
        for row in connection.execute(select(of.association_id, of.payload_id).where(of.association_id.in_(ids)))
    }
    fed = {(record.association_id, payload_id) for record in records for payload_id in record.payload_ids}
    if new := [
        {"association_id": association_id, "payload_id": payload_id} for association_id, payload_id in fed - known
    ]:
        connection.execute(insert(payloads_fed), new)
    address = {record.association_id: record.address for record in records}
    keep_addresses(connection, {(payload_id, address[association_id]) for association_id, payload_id in fed - known})


def _remove(connection: Connection, ids: Sequence[UUID]) -> None:
    """Remove them, and what was fed from an address by none of those that stay."""
    were = select(payloads_fed.c.payload_id, associations.c.address).join(associations, _FED_IT)
    rows = connection.execute(were.where(associations.c.association_id.in_(ids)).distinct())
    fed = [{"fed": row.payload_id, "from": row.address} for row in rows]
    connection.execute(delete(payloads_fed).where(payloads_fed.c.association_id.in_(ids)))
    connection.execute(delete(associations).where(associations.c.association_id.in_(ids)))
    if fed:
        connection.execute(_FORGOTTEN, fed)


def _row(record: AssociationRecord, node_id: UUID) -> dict[str, Any]:
    values = asdict(record)
    began, last_known = time_of(values.pop("began_ns")), time_of(values.pop("ended_ns"))
    del values["payload_ids"]
    return values | {"node_id": node_id, "began": began, "last_known": last_known, "refuses": record.refuses}


def _growth(record: AssociationRecord) -> dict[str, Any]:
    return {"known_id": record.association_id, "counted": record.times, "last": time_of(record.ended_ns)}


def _portions(records: Sequence[AssociationRecord]) -> Iterator[Sequence[AssociationRecord]]:
    for start in range(0, len(records), _AT_ONCE):
        yield records[start : start + _AT_ONCE]
