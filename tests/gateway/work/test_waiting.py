"""What work waits for, as rows, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from gateway.database import open_database
from gateway.errors import Dependency
from gateway.work import waiting
from gateway.work.waiting import AwaitedPart, Wait, WorkKey, sentence
from tests.gateway.conftest import on_both_databases

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
BROKER = Wait(Dependency.EVENTS, "connection refused")
PACS, VNA = (Wait(Dependency.DESTINATION, "no answer", name) for name in ("pacs", "vna"))

pytestmark = on_both_databases


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    engine = open_database(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def kept(connection: Connection, *waits: Wait, since: datetime = NOW, work_id: UUID | None = None) -> WorkKey:
    key = WorkKey("export", work_id or uuid4())
    waiting.keep(connection, key, waits, since, LATER)
    return key


def may_go(connection: Connection, wait: Wait, now: datetime = NOW) -> list[UUID]:
    part = AwaitedPart(wait.dependency, wait.name, 0, NOW)
    return [row.work_id for row in waiting.that_may_go(connection, part, now, 100)]


def test_who_waits_longest_goes_first(connection: Connection) -> None:
    second = kept(connection, BROKER, since=NOW + timedelta(seconds=1))
    first = kept(connection, BROKER)
    kept(connection, PACS)
    assert may_go(connection, BROKER) == [first.work_id, second.work_id]


def test_work_may_wait_for_several_parts_and_goes_on_with_the_first_that_answers(connection: Connection) -> None:
    key = kept(connection, PACS, VNA)
    assert may_go(connection, PACS) == may_go(connection, VNA) == [key.work_id]
    (row,) = waiting.that_may_go(connection, AwaitedPart(PACS.dependency, "pacs", 1, NOW), NOW, 10)
    assert waiting.note_release(connection, row, NOW)
    assert may_go(connection, PACS) == may_go(connection, VNA) == []


def test_of_two_that_release_it_one_does(connection: Connection) -> None:
    kept(connection, BROKER)
    (row,) = waiting.that_may_go(connection, AwaitedPart(BROKER.dependency, "", 1, NOW), NOW, 10)
    assert waiting.note_release(connection, row, NOW)
    assert not waiting.note_release(connection, row, NOW)


def test_released_in_vain_it_waits_longer_each_time(connection: Connection) -> None:
    key, now = kept(connection, BROKER), NOW
    for seconds in (30, 60, 120):
        (row,) = waiting.that_may_go(connection, AwaitedPart(BROKER.dependency, "", 1, NOW), now, 10)
        waiting.note_release(connection, row, now)
        waiting.keep(connection, key, [BROKER], now, now + timedelta(hours=1))
        assert may_go(connection, BROKER, now + timedelta(seconds=seconds - 1)) == []
        now += timedelta(seconds=seconds)
        assert may_go(connection, BROKER, now) == [key.work_id]


def test_it_has_waited_since_it_began_without_a_break(connection: Connection) -> None:
    key = kept(connection, BROKER)
    waiting.interrupt(connection, key)
    waiting.keep(connection, key, [BROKER], NOW + timedelta(hours=1), LATER)
    assert [row.since for row in waiting.waits_of(connection, key)] == [NOW]
    waiting.keep(connection, key, [PACS], NOW + timedelta(hours=2), LATER)
    assert [(row.name, row.since) for row in waiting.waits_of(connection, key)] == [("pacs", NOW + timedelta(hours=2))]


def test_a_peer_that_wants_to_be_left_alone_is_left_alone(connection: Connection) -> None:
    kept(connection, Wait(Dependency.SOURCE, "busy", "archive", when_it_answers=False))
    assert may_go(connection, Wait(Dependency.SOURCE, "", "archive")) == []


def test_who_is_due_anyway_starts_by_itself(connection: Connection) -> None:
    kept(connection, BROKER)
    assert may_go(connection, BROKER, LATER - timedelta(seconds=5)) == []


def test_parts_are_told_with_how_many_wait_and_since_when(connection: Connection) -> None:
    kept(connection, PACS, since=NOW + timedelta(minutes=1))
    kept(connection, PACS, VNA)
    kept(connection, BROKER, since=NOW + timedelta(minutes=2))
    parts = waiting.parts_waited_for(connection, NOW)
    assert {(part.name, part.waiting, part.since) for part in parts} == {
        ("pacs", 2, NOW),
        ("vna", 1, NOW),
        ("", 1, NOW + timedelta(minutes=2)),
    }


def test_the_sentence_tells_for_what_why_and_until_when(connection: Connection) -> None:
    at = "2026-03-01 12:10:00 UTC"
    assert sentence([BROKER], LATER) == (
        f"Waits for the event broker: connection refused. Tries again by {at}, or when it answers."
    )
    assert sentence([PACS, VNA], LATER) == (
        f"Waits for destination pacs, vna: no answer. Tries again by {at}, or when it answers."
    )
    left_alone = Wait(Dependency.SOURCE, "busy", "archive", when_it_answers=False)
    assert sentence([left_alone], LATER) == f"Waits: busy. Tries again at {at}."
    not_known_to_be_away = Wait(Dependency.DESTINATION, "no answer", "pacs", when_it_answers=False)
    assert sentence([not_known_to_be_away], LATER) == f"Waits for destination pacs: no answer. Tries again at {at}."
    no_room = Wait(Dependency.NOTHING_ASKABLE, "less than 2000 MB are free.")
    assert sentence([no_room], LATER) == f"Waits: less than 2000 MB are free. Tries again at {at}."
