"""Be told of changes in a directory."""

import asyncio
from pathlib import Path

import structlog
from watchfiles import awatch

_GATHER_MS = 100  # how long changes are gathered at most, before they are told
_STEP_MS = 20
_AGAIN_SECONDS = 5.0

_log = structlog.get_logger()


async def wake_on_change(directory: Path, *wakes: asyncio.Event) -> None:
    """Set `wakes` whenever a file in `directory` comes or goes, until cancelled."""
    while True:
        try:
            async for _ in awatch(directory, debounce=_GATHER_MS, step=_STEP_MS, recursive=False):
                for wake in wakes:
                    wake.set()
        except (OSError, RuntimeError) as error:  # no directory, or no more watches on this machine
            _log.warning("directory not watched, only looked at", directory=str(directory), reason=str(error))
        await asyncio.sleep(_AGAIN_SECONDS)
