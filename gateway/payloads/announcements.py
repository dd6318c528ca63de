"""What was announced, kept to the letter, so that it can be said again: to a workflow manager that lost its database.

A program that is newer, or a bucket of another name, would make another message of the same payload. There is nothing
of a patient in it. All methods of `Announcements` raise DatabaseUnavailable.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Column, Connection, Engine, Integer, LargeBinary, Table, Uuid, insert, select, update

from gateway.database import UtcDateTime, database_errors, metadata
from gateway.events.outbox import put_again
from gateway.events.port import Message

announcements = Table(
    "payload_announcements",
    metadata,
    Column("payload_id", Uuid, primary_key=True),
    Column("message", LargeBinary, nullable=False),  # compressed: thousands of paths that begin alike
    Column("times_again", Integer, nullable=False),
    Column("last_again", UtcDateTime),
)

_MESSAGE = TypeAdapter(Message)


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often a payload was announced again, and when last."""

    times: int = 0
    last: datetime | None = None


def encode_message(message: Message) -> bytes:
    """A message as it lies on the spool until the dispatcher takes it into the database."""
    return _MESSAGE.dump_json(message)


def decode_message(content: bytes) -> Message:
    """The same again. Raises ValueError where it can't be read."""
    return _MESSAGE.validate_json(content)


def keep_announcement(connection: Connection, payload_id: UUID, message: Message) -> None:
    """Keep what a payload is announced with, in place of what an earlier try had to say."""
    content = {"message": zlib.compress(encode_message(message))}
    known = update(announcements).where(announcements.c.payload_id == payload_id)
    if not connection.execute(known.values(content)).rowcount:
        new: dict[str, Any] = {"payload_id": payload_id, "times_again": 0}
        connection.execute(insert(announcements).values(new | content))


@dataclass(frozen=True, slots=True)
class Announcements:
    """What is kept of all payloads, received and retrieved."""

    engine: Engine

    def keep(self, payload_id: UUID, message: Message) -> None:
        with database_errors(), self.engine.begin() as connection:
            keep_announcement(connection, payload_id, message)

    def is_kept(self, payload_id: UUID) -> bool:
        wanted = select(announcements.c.payload_id).where(announcements.c.payload_id == payload_id)
        with database_errors(), self.engine.connect() as connection:
            return connection.execute(wanted).first() is not None

    def message_of(self, payload_id: UUID) -> Message | None:
        """What is kept of this payload."""
        wanted = select(announcements.c.message).where(announcements.c.payload_id == payload_id)
        with database_errors(), self.engine.connect() as connection:
            kept = connection.execute(wanted).scalar_one_or_none()
        return decode_message(zlib.decompress(kept)) if kept else None

    def say_again(self, payload_id: UUID, now: datetime) -> bool:
        """Leave what is kept in the outbox, and count it. False where it still waits there from the last time."""
        this = announcements.c.payload_id == payload_id
        with database_errors(), self.engine.begin() as connection:
            kept = connection.execute(select(announcements.c.message).where(this)).scalar_one()
            if not put_again(connection, replace(decode_message(zlib.decompress(kept)), again=now)):
                return False
            counted = {"times_again": announcements.c.times_again + 1, "last_again": now}
            connection.execute(update(announcements).where(this).values(counted))
        return True

    def repeats(self, payload_ids: Sequence[UUID]) -> dict[UUID, Repeats]:
        """Return how often each of these payloads was announced again; nothing of those that never were."""
        column = announcements.c
        wanted = select(column.payload_id, column.times_again, column.last_again)
        wanted = wanted.where(column.payload_id.in_(payload_ids), column.times_again > 0)
        with database_errors(), self.engine.connect() as connection:
            return {
                found.payload_id: Repeats(found.times_again, found.last_again) for found in connection.execute(wanted)
            }
