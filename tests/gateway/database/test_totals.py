"""What was counted, on both databases: nothing is lost where many count at once, nor by what is undone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Engine

from gateway.database import open_database
from gateway.database.totals import BOUNDS, Durations, Series, add, duration, durations, read_totals

HERE, ELSEWHERE = UUID(int=7), UUID(int=8)
BYTES, SENT = Series("bytes"), Series("sent", ("pacs", 'it\'s "quoted"'))


@pytest.fixture
def engine(new_url: str) -> Iterator[Engine]:
    engine = open_database(new_url)
    yield engine
    engine.dispose()


def count(engine: Engine, amounts: dict[Series, float], node_id: UUID = HERE) -> None:
    with engine.begin() as connection:
        add(connection, amounts, node_id)


def test_what_is_added_adds_up_for_each_node_and_label(engine: Engine) -> None:
    count(engine, {BYTES: 2**50, SENT: 1})
    count(engine, {BYTES: 1, SENT: 0})
    count(engine, {BYTES: 5}, ELSEWHERE)
    assert read_totals(engine, HERE) == {BYTES: 2**50 + 1, SENT: 1}
    assert read_totals(engine, ELSEWHERE) == {BYTES: 5}
    assert read_totals(engine) == {}


def test_what_is_undone_was_not_counted(engine: Engine) -> None:
    count(engine, {BYTES: 1})
    with engine.connect() as connection:
        add(connection, {BYTES: 10, SENT: 10}, HERE)
        connection.rollback()
    assert read_totals(engine, HERE) == {BYTES: 1}


def test_all_that_many_count_at_once_is_there(engine: Engine) -> None:
    """Each in its own order: nobody waits for who waits for him."""
    both = [{BYTES: 1.0, SENT: 1.0}, {SENT: 1.0, BYTES: 1.0}]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: count(engine, both[number % 2]), range(80)))
    assert read_totals(engine, HERE) == {BYTES: 80, SENT: 80}


def test_durations_are_kept_by_bound_and_none_is_negative(engine: Engine) -> None:
    for seconds in (0.1, 0.11, 2.0, 1e6, -5.0):
        count(engine, duration("waited", seconds, "payload"))
    kept = durations(read_totals(engine, HERE), "waited", "payload")
    assert {bound: number for bound, number in kept.counts if number} == {"0.1": 2, "0.25": 1, "2.5": 1, "+Inf": 1}
    assert kept.seconds == pytest.approx(1_000_002.21)
    assert [bound for bound, _ in kept.counts] == list(BOUNDS)
    assert durations({}, "waited", "export") == Durations(tuple((bound, 0) for bound in BOUNDS), 0.0)
