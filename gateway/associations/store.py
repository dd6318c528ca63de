"""Records into the tables, each once however often it comes, and out of them when they are old."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from gateway.associations.record import AssociationRecord
from gateway.associations.tables import associations, payloads_fed
from gateway.clock import time_of
from gateway.database import database_errors

_AT_ONCE = 200  # rows in one transaction, and values that SQLite and PostgreSQL both take in one statement

# What a record that comes again may have more of: a refusal that was repeated.
_GROWS = update(associations).where(
    associations.c.association_id == bindparam("known_id"), associations.c.times < bindparam("counted")
)
_GROWN = _GROWS.values(times=bindparam("counted"), ended=bindparam("last"))


class AssociationStore:
    """The tables, as the dispatcher writes them. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_in(self, records: Sequence[AssociationRecord], node_id: UUID) -> None:
        """Keep what the receiver of a node has noted. What is kept already stays, with the count it has grown to."""
        latest = {record.association_id: record for record in records}
        for some in _portions(list(latest.values())):
            with database_errors(), self._engine.begin() as connection:
                _take_in(connection, some, node_id)

    def remove_older(self, moment: datetime) -> int:
        """Remove those that had ended before, a few at a time; return how many there were."""
        removed = 0
        while True:
            with database_errors(), self._engine.begin() as connection:
                old = select(associations.c.association_id).where(associations.c.ended < moment)
                ids = list(connection.scalars(old.order_by(associations.c.ended).limit(_AT_ONCE)))
                connection.execute(delete(payloads_fed).where(payloads_fed.c.association_id.in_(ids)))
                connection.execute(delete(associations).where(associations.c.association_id.in_(ids)))
            removed += len(ids)
            if len(ids) < _AT_ONCE:
                return removed


def _take_in(connection: Connection, records: Sequence[AssociationRecord], node_id: UUID) -> None:
    ids = [record.association_id for record in records]
    known = set(connection.scalars(select(associations.c.association_id).where(associations.c.association_id.in_(ids))))
    new = [record for record in records if record.association_id not in known]
    if new:
        connection.execute(insert(associations), [_row(record, node_id) for record in new])
    if fed := [{"association_id": each.association_id, "payload_id": fed} for each in new for fed in each.payload_ids]:
        connection.execute(insert(payloads_fed), fed)
    if grown := [_growth(record) for record in records if record.association_id in known and record.times > 1]:
        connection.execute(_GROWN, grown)


def _row(record: AssociationRecord, node_id: UUID) -> dict[str, Any]:
    values = asdict(record)
    began, ended = time_of(values.pop("began_ns")), time_of(values.pop("ended_ns"))
    del values["payload_ids"]
    return values | {"node_id": node_id, "began": began, "ended": ended, "refuses": record.refuses}


def _growth(record: AssociationRecord) -> dict[str, Any]:
    return {"known_id": record.association_id, "counted": record.times, "last": time_of(record.ended_ns)}


def _portions(records: Sequence[AssociationRecord]) -> Iterator[Sequence[AssociationRecord]]:
    for start in range(0, len(records), _AT_ONCE):
        yield records[start : start + _AT_ONCE]
