"""A process that seldom asks the database finds out all the same that it has another schema now."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gateway.database import check_database, ending_with_schema, open_database
from gateway.errors import SchemaRefused
from tests.clock import MovableClock

LOOK_SECONDS = 0.01


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def engine(tmp_path: Path, clock: MovableClock) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/gateway.db", clock)
    check_database(engine)
    yield engine
    engine.dispose()


def test_it_is_told_to_end_and_then_says_why(engine: Engine, clock: MovableClock) -> None:
    async def serve() -> None:
        ending = asyncio.Event()
        async with ending_with_schema(engine, ending.set, LOOK_SECONDS):
            with engine.begin() as connection:
                connection.execute(text("UPDATE gateway_schema SET version_num = '9001'"))
            clock.move(1)
            await asyncio.wait_for(ending.wait(), 10)

    with pytest.raises(SchemaRefused, match="schema 9001"):
        asyncio.run(serve())


def test_one_that_ends_by_itself_ends_in_peace(engine: Engine) -> None:
    async def serve() -> bool:
        ending = asyncio.Event()
        async with ending_with_schema(engine, ending.set, LOOK_SECONDS):
            await asyncio.sleep(0)
        return ending.is_set()

    assert not asyncio.run(serve())


def test_a_database_that_is_away_ends_nothing(engine: Engine, tmp_path: Path) -> None:
    engine.dispose()
    (tmp_path / "gateway.db").unlink()
    (tmp_path / "gateway.db").mkdir()

    async def serve() -> bool:
        ending = asyncio.Event()
        async with ending_with_schema(engine, ending.set, LOOK_SECONDS):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ending.wait(), 5 * LOOK_SECONDS)
        return ending.is_set()

    assert not asyncio.run(serve())
