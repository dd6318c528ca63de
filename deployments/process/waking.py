"""Waiting for whichever comes first."""

import asyncio
from collections.abc import Coroutine


async def wait_for_any(*events: asyncio.Event, timeout_seconds: float | None = None) -> None:
    """Return when one of the events is set or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def finished_before(event: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do `work`, which is cancelled when the event is set before it is done; return whether it was done."""
    task = asyncio.ensure_future(work)
    wait = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([task, wait], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
        wait.cancel()
