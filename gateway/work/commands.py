"""What operators ask of work, of whichever kind: rows, which the dispatcher carries out and says what became of them.

The command line, the HTTP API and the page write the same row. What is asked for while Prefect is away is done when it
is back. All methods raise DatabaseUnavailable and DatabaseRefused.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Index,
    Row,
    String,
    Table,
    Text,
    Uuid,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from gateway.database import UtcDateTime, database_errors, metadata
from gateway.errors import PermanentError

_CLAIM = timedelta(seconds=60)  # longer than carrying one out takes
_KEPT = timedelta(days=30)
_AT_ONCE = 500

operator_commands = Table(
    "operator_commands",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("work_id", Uuid, nullable=False),
    Column("command", String(16), nullable=False),
    Column("destinations", Text, nullable=False, server_default="[]"),  # JSON, of what is to be sent
    Column("node_id", Uuid),  # whose dispatcher alone carries it out
    Column("asked_by", String(64), nullable=False),
    Column("asked", UtcDateTime, nullable=False),
    Column("claimed_until", UtcDateTime),
    Column("done", UtcDateTime),
    Column("carried_out", Boolean),
    Column("outcome", Text, nullable=False),
    Index("operator_commands_by_completion", "done", "asked"),
    Index("operator_commands_by_work", "kind", "work_id"),
)


class OperatorCommand(StrEnum):
    """What can be asked for."""

    RETRY = "retry"
    CANCEL = "cancel"
    ANNOUNCE = "announce"
    SEND = "send"
    CLOSE = "close"


class NothingToDo(PermanentError):
    """A command makes no sense for work in the state that it is in. The text says why; `reason` without which it is."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason or text


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for of which work. `destinations` are those to which something is to be sent."""

    kind: str
    work_id: UUID
    command: OperatorCommand
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command, and since it is `done`, whether it was carried out. `outcome` is what there is to say of it: before
    that, why it could not be done yet.
    """

    command_id: UUID
    kind: str
    work_id: UUID
    command: OperatorCommand
    destinations: tuple[str, ...]
    asked_by: str
    asked: datetime
    done: datetime | None
    carried_out: bool | None
    outcome: str


_COLUMNS = [operator_commands.c[name] for name in CommandRow.__slots__]
_OPEN = operator_commands.c.done.is_(None)


class Commands:
    """The commands for every kind of work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, wish: Wish, asked_by: str, now: datetime, node_id: UUID | None = None) -> UUID:
        """Record a command durably; return its id. Asked for twice before it is carried out, it is one.

        With a node, that node's dispatcher alone carries it out.
        """
        with database_errors(), self._engine.begin() as connection:
            return _record(connection, wish, {"asked_by": asked_by, "asked": now, "node_id": node_id})

    def ask_all(self, wishes: Iterable[Wish], asked_by: str, now: datetime) -> None:
        """The same of much work, with a commit for some hundreds each."""
        left = iter(wishes)
        while some := list(islice(left, _AT_ONCE)):
            with database_errors(), self._engine.begin() as connection:
                for wish in some:
                    _record(connection, wish, {"asked_by": asked_by, "asked": now, "node_id": None})

    def row(self, command_id: UUID) -> CommandRow | None:
        return next(iter(self._select(operator_commands.c.command_id == command_id, 1)), None)

    def of_work(self, kind: str, work_id: UUID, limit: int = 20) -> list[CommandRow]:
        """Return what was asked of this work, the oldest first."""
        return self._select((operator_commands.c.kind == kind) & (operator_commands.c.work_id == work_id), limit)

    def claim(self, now: datetime, node_id: UUID) -> CommandRow | None:
        """Return the oldest for this node that nobody else is carrying out; None where there is none."""
        c = operator_commands.c
        free = or_(c.claimed_until.is_(None), c.claimed_until < now) & or_(c.node_id.is_(None), c.node_id == node_id)
        found = next(iter(self._select(_OPEN & free, 1)), None)
        if found is None:
            return None
        this = update(operator_commands).where(operator_commands.c.command_id == found.command_id, _OPEN, free)
        with database_errors(), self._engine.begin() as connection:
            return found if connection.execute(this.values(claimed_until=now + _CLAIM)).rowcount else None

    def finish(self, row: CommandRow, outcome: str, now: datetime, *, carried_out: bool) -> None:
        """Say what became of a command. What was said long ago is forgotten."""
        this = update(operator_commands).where(operator_commands.c.command_id == row.command_id)
        with database_errors(), self._engine.begin() as connection:
            connection.execute(this.values(done=now, carried_out=carried_out, outcome=outcome))
            connection.execute(delete(operator_commands).where(operator_commands.c.done < now - _KEPT))

    def give_back(self, row: CommandRow, reason: str = "", until: datetime | None = None) -> None:
        """It could not be carried out for now: it stays, and lets others go first `until` then."""
        this = update(operator_commands).where(operator_commands.c.command_id == row.command_id)
        with database_errors(), self._engine.begin() as connection:
            connection.execute(this.values(claimed_until=until, outcome=reason))

    def _select(self, condition: ColumnElement[bool], limit: int) -> list[CommandRow]:
        question = select(*_COLUMNS).where(condition).order_by(operator_commands.c.asked).limit(limit)
        with database_errors(), self._engine.connect() as connection:
            return [_row(found) for found in connection.execute(question)]


def _record(connection: Connection, wish: Wish, asked: dict[str, Any]) -> UUID:
    """Return the id of a new command, or of the same that is still to be done."""
    c, wanted = operator_commands.c, asdict(wish) | {"destinations": json.dumps(wish.destinations)}
    same = and_(_OPEN, *(c[name] == value for name, value in wanted.items()))
    found: UUID | None = connection.execute(select(c.command_id).where(same).limit(1)).scalar_one_or_none()
    if found is not None:
        return found
    command_id = uuid4()
    connection.execute(insert(operator_commands).values(wanted | asked | {"command_id": command_id, "outcome": ""}))
    return command_id


def _row(found: Row[Any]) -> CommandRow:
    read = {"command": OperatorCommand(found.command), "destinations": tuple(json.loads(found.destinations))}
    return CommandRow(**{**found._mapping, **read})
