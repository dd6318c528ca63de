"""The associations as people and programs see them, on the command line and over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, select

from gateway.associations.record import ContextRecord, ContextResult, Outcome
from gateway.associations.tables import associations, payloads_fed
from gateway.database import database_errors, ids_beginning


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which associations are asked for: all that is given has to hold."""

    refused: bool = False  # those that were not let in, in no context, or not with every instance
    called_ae: str | None = None
    source: str | None = None  # calling AE title, or address
    payload_id: UUID | None = None  # which they fed
    since: datetime | None = None
    open: bool | None = None
    until: datetime | None = None


ALL = Wanted()


@dataclass(frozen=True, slots=True)
class AssociationView:
    """One association, or as many refusals of one peer as `times` says. `ended` is None while it is open.

    `reason` is what is wrong with it; "" where it ended in order and was served whole, or is open and all is well.
    `contexts` are 16 at most, the refused ones first; `refused` counts instances, and `statuses` the responses to
    C-STORE.
    """

    id: UUID
    outcome: Outcome
    calling_ae: str
    called_ae: str
    address: str
    port: int | None
    began: datetime
    ended: datetime | None
    times: int
    reason: str
    codes: str  # result, source and reason of the rejection (PS3.8 table 9-21)
    contexts_proposed: int
    contexts_accepted: int
    contexts: Sequence[ContextRecord]
    stored: int
    refused: int
    bytes: int
    statuses: Mapping[str, int]
    payloads: Sequence[UUID]
    node: UUID


_TOLD_EVERY = timedelta(minutes=1)  # at least, whatever disk and database do meanwhile

# Shown under another name than that of the column.
_NAMES = {"id": "association_id", "node": "node_id", "ended": "last_known"}
_OWN = [name for name in AssociationView.__slots__ if name != "payloads"]
_COLUMNS = [associations.c[_NAMES.get(name, name)].label(name) for name in _OWN]


class AssociationListing:
    """Looks at the tables. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._now = now

    def page(self, limit: int, offset: int = 0, wanted: Wanted = ALL) -> list[AssociationView]:
        """Return those that are wanted, the newest first."""
        newest = select(*_COLUMNS).where(*_conditions(wanted))
        newest = newest.order_by(associations.c.last_known.desc(), associations.c.association_id)
        return self._views(newest.limit(limit).offset(offset))

    def count(self, wanted: Wanted = ALL) -> int:
        """How many there are in all."""
        counted = select(func.count()).select_from(associations).where(*_conditions(wanted))
        with database_errors(), self._engine.connect() as connection:
            return connection.execute(counted).scalar_one()

    def view(self, association_id: UUID) -> AssociationView | None:
        """Return everything about an association; None where there is none."""
        one = select(*_COLUMNS).where(associations.c.association_id == association_id)
        return next(iter(self._views(one)), None)

    def matching(self, beginning: str, limit: int = 2) -> list[AssociationView]:
        """Return those whose id begins so, as people abbreviate it."""
        wanted = select(*_COLUMNS).where(ids_beginning(associations.c.association_id, beginning))
        return self._views(wanted.limit(limit))

    def _views(self, wanted: Select[Any]) -> list[AssociationView]:
        with database_errors(), self._engine.connect() as connection:
            found = list(connection.execute(wanted))
            fed = _payloads(connection, [row.id for row in found])
        now = self._now()
        return [_view(row, fed.get(row.id, []), now) for row in found]


_BROKEN_OFF = (Outcome.ABORTED_BY_PEER, Outcome.ABORTED_HERE, Outcome.CUT, Outcome.TIMED_OUT, Outcome.STOPPED)


def broken_off(engine: Engine, payload_ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """Return which of these payloads an association fed that did not end in order, and how it ended.

    What such a sender had still to send is not in the payload. Raises DatabaseUnavailable.
    """
    of = associations.c
    wanted = (
        select(payloads_fed.c.payload_id, of.outcome)
        .join(associations, of.association_id == payloads_fed.c.association_id)
        .where(payloads_fed.c.payload_id.in_(payload_ids), of.outcome.in_(_BROKEN_OFF))
        .order_by(of.last_known)
    )
    with database_errors(), engine.connect() as connection:
        return {payload_id: Outcome(outcome) for payload_id, outcome in connection.execute(wanted)}


def _payloads(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, list[UUID]]:
    fed: dict[UUID, list[UUID]] = {}
    wanted = select(payloads_fed).where(payloads_fed.c.association_id.in_(ids)).order_by(payloads_fed.c.payload_id)
    for row in connection.execute(wanted):
        fed.setdefault(row.association_id, []).append(row.payload_id)
    return fed


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    of = associations.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.refused:
        conditions.append(of.refuses)
    if wanted.open is not None:
        conditions.append(of.outcome == Outcome.OPEN if wanted.open else of.outcome != Outcome.OPEN)
    if wanted.called_ae is not None:
        conditions.append(of.called_ae == wanted.called_ae)
    if wanted.source is not None:
        conditions.append((of.calling_ae == wanted.source) | (of.address == wanted.source))
    if wanted.payload_id is not None:
        fed_it = select(payloads_fed.c.association_id).where(payloads_fed.c.payload_id == wanted.payload_id)
        conditions.append(of.association_id.in_(fed_it))
    if wanted.since is not None:
        conditions.append(of.last_known >= wanted.since)
    if wanted.until is not None:
        conditions.append(of.last_known <= wanted.until)
    return conditions


def _view(found: Row[Any], payloads: Sequence[UUID], now: datetime) -> AssociationView:
    values = {name: found._mapping[name] for name in _OWN}
    contexts = [ContextRecord(**each | {"result": ContextResult(each["result"])}) for each in values["contexts"]]
    outcome, last_known = Outcome(values["outcome"]), values["ended"]
    values |= {"outcome": outcome, "contexts": contexts}
    if outcome is Outcome.OPEN:
        values |= {"ended": None, "reason": "; ".join(filter(None, (_silence(last_known, now), values["reason"])))}
    return AssociationView(**values, payloads=payloads)


def _silence(last_known: datetime, now: datetime) -> str:
    """Say of one that is open that nobody tells of it; "" where somebody does, as happens every second."""
    if now - last_known <= _TOLD_EVERY:
        return ""
    return f"not heard of since {last_known:%Y-%m-%dT%H:%M:%S%z}: do the receiver and the dispatcher of its node run?"
