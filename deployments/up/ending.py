"""In which order the parts end, within ten seconds."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from deployments.process.waking import finished_before
from deployments.up.part import Part
from deployments.up.parts import PREFECT

DRAIN_SECONDS = 5.0  # for associations and runs to end by themselves
LAST_WORDS_SECONDS = 2.0  # for the worker to put back the runs that it has cut
PREFECT_SECONDS = 2.0

_KILLED_SECONDS = 1.0


async def end_all(parts: Sequence[Part], at_once: asyncio.Event) -> None:
    """End the receiver first, so that nothing new comes in, and Prefect last, which the others still tell of their end.

    Once `at_once` is set all are killed: everything here is made to be.
    """
    prefect = [part for part in parts if part.plan.name == PREFECT]
    others = [part for part in parts if part.plan.name != PREFECT]  # the receiver is the first of them
    for seconds in (DRAIN_SECONDS, LAST_WORDS_SECONDS):
        for part in others:
            part.terminate()
        await _until_ended(others, seconds, at_once)
    for part in others:
        part.kill()
    for part in prefect:
        part.terminate()
    await _until_ended(prefect, PREFECT_SECONDS, at_once)
    for part in prefect:
        part.kill()
    await _until_ended(parts, _KILLED_SECONDS, asyncio.Event())


async def _until_ended(parts: Sequence[Part], within_seconds: float, unless: asyncio.Event) -> None:
    async def all_ended() -> None:
        for part in parts:
            await part.ended.wait()

    with suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            await finished_before(unless, all_ended())
