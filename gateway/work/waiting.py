"""What work waits for, as data: the part, since when, when it is tried again at the latest, and why.

A run that can't go on writes its waits on its own row and ends for now. The dispatcher releases those whose part
answers, the oldest first; every face shows what stands here. The sentence is made from it, and nothing reads it back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
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

from gateway.database import UtcDateTime, metadata
from gateway.errors import Dependency
from gateway.work.back_off import BackOff

TRIES_AGAIN = BackOff(first_seconds=30.0, longest_seconds=900.0)
"""How long work waits after its first try, its second and so on, if nobody releases it before."""

SOON = timedelta(seconds=5)
"""A run that is due by then starts by itself: started by somebody else too, it could run twice."""

TAG = "waits for: "

waits = Table(
    "work_waits",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("work_id", Uuid, primary_key=True),
    Column("dependency", String(16), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("next_try", UtcDateTime),  # none while a run is at work: it has waited, and may wait again
    Column("reason", Text, nullable=False),
    Column("releases", Integer, nullable=False),
    Column("not_before", UtcDateTime),
    Index("work_waits_by_part", "dependency", "name", "since"),
)


class WorkKey(NamedTuple):
    """Which piece of work, of all kinds."""

    kind: str
    work_id: UUID


@dataclass(frozen=True, slots=True)
class Wait:
    """One part that work waits for. `name` tells apart what there are many of: sources, destinations.

    What does not go on `when_it_answers` keeps its own time: the part answers, and wants to be left alone for a while.
    """

    dependency: Dependency
    reason: str
    name: str = ""
    when_it_answers: bool = True


@dataclass(frozen=True, slots=True)
class WaitRow:
    """A wait as it is kept. `releases` counts how often it was ended, in vain, because the part answered."""

    kind: str
    work_id: UUID
    dependency: Dependency
    name: str
    since: datetime
    next_try: datetime | None
    reason: str
    releases: int
    not_before: datetime | None

    @property
    def key(self) -> WorkKey:
        return WorkKey(self.kind, self.work_id)


@dataclass(frozen=True, slots=True)
class AwaitedPart:
    """A part that somebody waits for, and who has waited for it longest."""

    dependency: Dependency
    name: str
    waiting: int
    since: datetime


def sentence(waiting: Sequence[Wait], next_try: datetime) -> str:
    """Return what a run that waits says to the operator who looks at it."""
    named = [wait for wait in waiting if wait.dependency is Dependency.DESTINATION or _ends_by_itself(wait)]
    parts = list(dict.fromkeys(map(_in_words, named)))
    reason = "; ".join(dict.fromkeys(wait.reason.rstrip(".") for wait in waiting))
    at = f"{next_try.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    opening = f"Waits for {_joined(parts)}" if parts else "Waits"
    until = f"by {at}, or when it answers" if any(map(_ends_by_itself, waiting)) else f"at {at}"
    return f"{opening}: {reason}. Tries again {until}."


def tag_of(dependency: Dependency) -> str:
    """How a run that waits is tagged in Prefect: for the dashboard's filter, and where no row could be written."""
    return f"{TAG}{dependency}"


def keep(connection: Connection, key: WorkKey, waiting: Iterable[Wait], since: datetime, next_try: datetime) -> None:
    """Have work wait for these parts and no others. One that it has waited for without a break keeps its `since`."""
    known = {(row.dependency, row.name): row for row in waits_of(connection, key)}
    connection.execute(delete(waits).where(_of(key)))
    for wait in {(each.dependency, each.name): each for each in waiting}.values():
        before = known.get((wait.dependency, wait.name))
        row = WaitRow(
            *key,
            wait.dependency,
            wait.name,
            before.since if before else since,
            next_try,
            wait.reason,
            before.releases if before else 0,
            _not_before(wait, before, next_try),
        )
        connection.execute(insert(waits).values({name: getattr(row, name) for name in WaitRow.__slots__}))


def interrupt(connection: Connection, key: WorkKey) -> None:
    """A run is at work: nothing is waited for, until it waits again."""
    connection.execute(update(waits).where(_of(key)).values(next_try=None))


def forget(connection: Connection, key: WorkKey) -> None:
    """The work is over, or begins anew."""
    connection.execute(delete(waits).where(_of(key)))


def waits_of(connection: Connection, key: WorkKey) -> list[WaitRow]:
    """Return what work waits for, or waited for until its run began."""
    return _rows(connection, _of(key))


def parts_waited_for(connection: Connection, now: datetime) -> list[AwaitedPart]:
    """Return every part that somebody waits for who does not start by himself soon, the longest waited for first."""
    since = func.min(waits.c.since)
    question = (
        select(waits.c.dependency, waits.c.name, func.count(), since)
        .where(_is_not_due(now))
        .group_by(waits.c.dependency, waits.c.name)
        .order_by(since)
    )
    return [
        AwaitedPart(Dependency(part), name, count, first) for part, name, count, first in connection.execute(question)
    ]


def oldest(connection: Connection, part: AwaitedPart) -> WaitRow | None:
    """Return who has waited longest for a part."""
    return next(iter(_rows(connection, _for(part) & waits.c.next_try.is_not(None), 1)), None)


def that_wait(connection: Connection, part: AwaitedPart, now: datetime, limit: int) -> list[WaitRow]:
    """Return what waits for a part and does not start by itself soon, the oldest first."""
    return _rows(connection, _for(part) & _is_not_due(now), limit)


def forgive(connection: Connection, part: AwaitedPart) -> None:
    """The part was away, and answers again: releases before that were not in vain for want of what it now has."""
    connection.execute(update(waits).where(_for(part), waits.c.releases > 0).values(not_before=None))


def that_may_go(connection: Connection, part: AwaitedPart, now: datetime, limit: int) -> list[WaitRow]:
    """Return what waits for a part that answers, the oldest first.

    Released before, work waits longer each time: a probe may be good and the work fail all the same.
    """
    due = or_(waits.c.not_before.is_(None), waits.c.not_before <= now)
    return _rows(connection, _for(part) & _is_not_due(now) & due, limit)


def note_release(connection: Connection, row: WaitRow, now: datetime) -> bool:
    """Count a release, and end the work's waits. False where somebody else has done so, or it waits anew."""
    releases = row.releases + 1
    later = now + timedelta(seconds=TRIES_AGAIN.after(releases))
    this = _of(row.key) & (waits.c.dependency == row.dependency) & (waits.c.name == row.name)
    counted = update(waits).where(this, waits.c.next_try == row.next_try, waits.c.releases == row.releases)
    if not connection.execute(counted.values(releases=releases, not_before=later)).rowcount:
        return False
    interrupt(connection, row.key)
    return True


def _not_before(wait: Wait, before: WaitRow | None, next_try: datetime) -> datetime | None:
    if not wait.when_it_answers:
        return next_try
    return before.not_before if before else None


_NOTHING = Dependency.NOTHING_ASKABLE


def _ends_by_itself(wait: Wait) -> bool:
    return wait.when_it_answers and wait.dependency is not _NOTHING


def _in_words(wait: Wait) -> str:
    return f"{wait.dependency} {wait.name}" if wait.dependency is Dependency.DESTINATION else wait.dependency.in_words


def _joined(parts: Sequence[str]) -> str:
    """`destination pacs, vna` in place of `destination pacs, destination vna`."""
    first, *others = parts
    return ", ".join([first, *(other.removeprefix(f"{Dependency.DESTINATION} ") for other in others)])


def _for(part: AwaitedPart) -> ColumnElement[bool]:
    return (waits.c.dependency == part.dependency) & (waits.c.name == part.name)


def _is_not_due(now: datetime) -> ColumnElement[bool]:
    """It does not start by itself soon."""
    return waits.c.next_try > now + SOON


def _of(key: WorkKey) -> ColumnElement[bool]:
    return (waits.c.kind == key.kind) & (waits.c.work_id == key.work_id)


def _rows(connection: Connection, condition: ColumnElement[bool], limit: int | None = None) -> list[WaitRow]:
    question = select(waits).where(condition).order_by(waits.c.since, waits.c.work_id).limit(limit)
    return [
        WaitRow(**{**found._mapping, "dependency": Dependency(found.dependency)})
        for found in connection.execute(question)
    ]
