"""What a payload is found by beside its UIDs: digests of Accession Number and Patient ID, as its manifest has them.

Nobody reads them without the key: `gateway.lookup`. They stay when the payload has left the spool.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Column, ColumnElement, Connection, ForeignKey, Index, String, Table, Uuid, func, insert, select

from gateway.database import metadata
from gateway.lookup.digests import have_one_of_each
from gateway.payloads.payload import Payload
from gateway.payloads.rows import payloads

lookups = Table(
    "payload_lookups",
    metadata,
    Column("payload_id", Uuid, ForeignKey("payloads.payload_id"), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Index("payload_lookups_by_digest", "digest"),
)


def keep_lookups(connection: Connection, payload: Payload) -> None:
    """Write down what a payload is found by, together with its row."""
    if payload.lookups and payload.lookups.digests:
        rows = [lookup._asdict() | {"payload_id": payload.payload_id} for lookup in payload.lookups.digests]
        connection.execute(insert(lookups), rows)


def has_one_of(digests: frozenset[str]) -> ColumnElement[bool]:
    """That a payload has one of these."""
    return payloads.c.payload_id.in_(select(lookups.c.payload_id).where(lookups.c.digest.in_(sorted(digests))))


def last_without(connection: Connection, fingerprints: Sequence[str]) -> datetime | None:
    """Return when the last payload was closed that has no digests made with these keys; None where all have."""
    latest = [
        connection.execute(select(func.max(payloads.c.closed)).where(*conditions)).scalar_one()
        for conditions in _other_keys(sorted(fingerprints))
    ]
    return max(filter(None, latest), default=None)


def _other_keys(ours: Sequence[str]) -> list[list[ColumnElement[bool]]]:
    """What lies between our keys, and no key: ranges that are empty mostly, which an index tells at once."""
    key = payloads.c.lookup_key
    between = [[key > one, key < next_one] for one, next_one in pairwise(ours)]
    return [[key.is_(None)], [key < ours[0]], *between, [key > ours[-1]]]


def is_found_by(payload: Payload, wanted: Sequence[frozenset[str]]) -> bool:
    """Whether a payload has one digest of each of these sets."""
    return have_one_of_each(payload.lookups.digests if payload.lookups else (), wanted)
