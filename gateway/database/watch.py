"""A process ends when a newer program has upgraded the database under it: also one that seldom asks it anything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Engine

from gateway.database.guard import check_database
from gateway.errors import DatabaseRefused, DatabaseUnavailable, SchemaRefused

_LOOK_SECONDS = 5.0


@asynccontextmanager
async def ending_with_schema(
    engine: Engine, end: Callable[[], None], look_seconds: float = _LOOK_SECONDS
) -> AsyncIterator[None]:
    """Call `end` once the schema is not this program's any more, and raise SchemaRefused when the block has ended."""
    refused: list[SchemaRefused] = []

    async def watch() -> None:
        refused.append(await _refusal(engine, look_seconds))
        end()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    if refused:
        raise refused[0]


async def _refusal(engine: Engine, look_seconds: float) -> SchemaRefused:
    while True:
        try:
            await asyncio.to_thread(check_database, engine)
        except SchemaRefused as refused:
            return refused
        except (DatabaseUnavailable, DatabaseRefused):
            pass  # whoever needs it says so
        await asyncio.sleep(look_seconds)
