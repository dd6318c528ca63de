"""From which addresses payloads were fed, each with its closing: an index has the newest of an address at its end.

An address comes to be known before its payload is closed, or after. Whoever writes later fills in the closing; where
two have written at the same moment it may be missing, and is asked of the payload.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Exists,
    Index,
    String,
    Table,
    Uuid,
    bindparam,
    exists,
    insert,
    select,
    update,
)

from gateway.database import UtcDateTime, metadata
from gateway.payloads.payload import Payload
from gateway.payloads.rows import payloads

addresses = Table(
    "payload_addresses",
    metadata,
    Column("payload_id", Uuid, primary_key=True),
    Column("address", String(64), primary_key=True),
    Column("closed", UtcDateTime),  # None: open, or not known yet
    Index("payload_addresses_by_closing", "address", "closed", "payload_id"),
)

_payload_id, _address = bindparam("fed", type_=Uuid), bindparam("from", type_=String)
_closed = select(payloads.c.closed).where(payloads.c.payload_id == _payload_id).scalar_subquery()
_is_known = exists().where(addresses.c.payload_id == _payload_id, addresses.c.address == _address)
_KEPT = insert(addresses).from_select(
    ["payload_id", "address", "closed"], select(_payload_id, _address, _closed).where(~_is_known)
)


def keep_addresses(connection: Connection, fed: Collection[tuple[UUID, str]]) -> None:
    """Write down which payload was fed from which address; what is known stays."""
    if fed:
        connection.execute(_KEPT, [{"fed": payload_id, "from": address} for payload_id, address in fed])


def note_closing(connection: Connection, payload: Payload) -> None:
    """It is listed from now on. Together with its row."""
    of_it = update(addresses).where(addresses.c.payload_id == payload.payload_id)
    connection.execute(of_it.values(closed=payload.closed))


def is_fed_from(payload_id: ColumnElement[Any] | UUID, address: str) -> Exists:
    """That an association from this address fed a payload, and is still known."""
    return exists().where(addresses.c.payload_id == payload_id, addresses.c.address == address)
