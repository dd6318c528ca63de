"""SIGTERM and SIGINT: once to stop in order, twice to stop at once."""

import asyncio
import signal
from collections.abc import Collection
from dataclasses import dataclass, field

_CANCEL_AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Stopping:
    """What a process was asked to do. `at_once` implies `in_order`."""

    in_order: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        if self.in_order.is_set():
            self.at_once.set()
        self.in_order.set()


def stop_on_signals() -> Stopping:
    """Return what SIGTERM and SIGINT will set from now on. To be called in the event loop of the main thread."""
    stopping = Stopping()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.ask)
    return stopping


async def cancel_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: one that is just connecting may take no notice (anyio swallows it then)."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_CANCEL_AGAIN_SECONDS)
