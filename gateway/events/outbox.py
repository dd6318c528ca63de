"""Events that are decided and not yet published: written with what they tell, in the same commit.

Published at least once, in order, each with the id that it was written with.
"""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    Row,
    String,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from gateway.database import UtcDateTime, database_errors, metadata
from gateway.errors import BrokerNotSetUp, BrokerRefused, BrokerUnavailable, NobodyListens
from gateway.events.port import EventPublisher, Message

outbox = Table(
    "outbox",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("routing_key", String(200), nullable=False),
    Column("type", String(64), nullable=False),
    Column("correlation_id", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("about", String(200), nullable=False),
    Column("turn", UtcDateTime, nullable=False),  # its timestamp; of one that is said again, when that was asked for
    Column("claimed_until", UtcDateTime),
    Column("published", UtcDateTime),
    Index("outbox_by_turn", "published", "turn"),
)

_CLAIM = timedelta(seconds=60)  # longer than a publisher needs for one
_REMOVED_AT_ONCE = 500
_MESSAGE_COLUMNS = [outbox.c["turn" if name == "again" else name] for name in Message.__slots__]


def put(connection: Connection, message: Message) -> None:
    """Have a message published once `connection`'s transaction is committed."""
    connection.execute(insert(outbox).values(_values(message)))


def put_again(connection: Connection, message: Message) -> bool:
    """The same for a message that the broker has had, and is to have `again`. False where it waits here already."""
    values: dict[str, Any] = _values(message) | {"published": None, "claimed_until": None}
    this = outbox.c.message_id == message.message_id
    if connection.execute(update(outbox).where(this, outbox.c.published.is_not(None)).values(values)).rowcount:
        return True
    if connection.execute(select(outbox.c.message_id).where(this)).first():
        return False
    connection.execute(insert(outbox).values(values))
    return True


class Outbox:
    """What is to be published. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish_next(self, publisher: EventPublisher, now: datetime, passed_over: set[str] | None = None) -> bool:
        """Publish the oldest that nobody else is publishing; False where there is none.

        Raises BrokerUnavailable and BrokerRefused: then it stays. One that is refused, for its size perhaps, lets the
        others go first for a while. Where nobody listens or may publish, its routing key is `passed_over` from then on.
        """
        passed_over = set() if passed_over is None else passed_over
        message = self._claim(now, passed_over)
        if message is None:
            return False
        try:
            publisher.publish(message)
        except (NobodyListens, BrokerNotSetUp):
            passed_over.add(message.routing_key)
            self._change(message, {"claimed_until": None})
            raise
        except BrokerRefused:
            raise
        except BaseException:
            self._change(message, {"claimed_until": None})
            raise
        self._note_published(message, now)
        return True

    def try_out(self, publisher: EventPublisher, message: Message, now: datetime) -> None:
        """Publish a message that somebody waits to publish, and remember that; else leave nothing here.

        Raises BrokerUnavailable and BrokerRefused. Who is killed meanwhile leaves it to be published.
        """
        if not self._claim_new(message, now):
            if self.is_published(message.message_id):
                return
            raise BrokerUnavailable("the event is being published just now")
        try:
            publisher.publish(message)
        except BaseException:
            self._forget(message)
            raise
        self._note_published(message, now)

    def is_published(self, message_id: UUID) -> bool:
        """Whether the broker has had it from here."""
        known = select(outbox.c.message_id).where(outbox.c.message_id == message_id, outbox.c.published.is_not(None))
        with database_errors(), self._engine.connect() as connection:
            return connection.execute(known).first() is not None

    def depth(self) -> tuple[int, datetime | None]:
        """How many wait to be published, and since when the oldest."""
        waiting = select(func.count(), func.min(outbox.c.turn)).where(outbox.c.published.is_(None))
        with database_errors(), self._engine.connect() as connection:
            count, oldest = connection.execute(waiting).one()
        return count, oldest

    def remove_published(self, before: datetime) -> int:
        """Remove those that the broker has had since before then, some hundreds at most; return how many."""
        old = select(outbox.c.message_id).where(outbox.c.published < before).order_by(outbox.c.published)
        with database_errors(), self._engine.begin() as connection:
            ids = list(connection.scalars(old.limit(_REMOVED_AT_ONCE)))
            this = outbox.c.message_id.in_(ids) & (outbox.c.published < before)  # one may be said again meanwhile
            return connection.execute(delete(outbox).where(this)).rowcount

    def _claim(self, now: datetime, passed_over: Collection[str]) -> Message | None:
        unclaimed = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < now)
        free = unclaimed & outbox.c.routing_key.not_in(passed_over)
        oldest = select(*_MESSAGE_COLUMNS).where(outbox.c.published.is_(None), free).order_by(outbox.c.turn)
        with database_errors(), self._engine.begin() as connection:
            found = connection.execute(oldest.limit(1)).one_or_none()
            if found is None:
                return None
            this = update(outbox).where(outbox.c.message_id == found.message_id, outbox.c.published.is_(None), free)
            claimed = connection.execute(this.values(claimed_until=now + _CLAIM)).rowcount
        return _message(found) if claimed else None

    def _claim_new(self, message: Message, now: datetime) -> bool:
        """Put it here, claimed. False where it is here already."""
        claimed = _values(message) | {"claimed_until": now + _CLAIM}
        with database_errors(), self._engine.begin() as connection:
            try:
                connection.execute(insert(outbox).values(claimed))
            except IntegrityError:
                return False
        return True

    def _forget(self, message: Message) -> None:
        with database_errors(), self._engine.begin() as connection:
            connection.execute(delete(outbox).where(outbox.c.message_id == message.message_id))

    def _note_published(self, message: Message, now: datetime) -> None:
        self._change(message, {"published": now, "body": ""})  # which may be a megabyte, and nobody needs any more

    def _change(self, message: Message, changes: dict[str, Any]) -> None:
        """Unless it is to be said once more meanwhile."""
        this = (outbox.c.message_id == message.message_id) & (outbox.c.turn == _turn(message))
        with database_errors(), self._engine.begin() as connection:
            connection.execute(update(outbox).where(this).values(changes))


def _turn(message: Message) -> datetime:
    """By when it takes its turn among those that wait."""
    return message.again or message.timestamp


def _values(message: Message) -> dict[str, Any]:
    values = asdict(message) | {"body": message.body.decode(), "correlation_id": str(message.correlation_id)}
    del values["again"]
    return values | {"turn": _turn(message)}


def _message(found: Row[Any]) -> Message:
    values = dict(found._mapping)
    turn = values.pop("turn")
    again = turn if turn != found.timestamp else None
    return Message(**values | {"body": found.body.encode(), "again": again})
