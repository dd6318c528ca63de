"""An answer that is good for a moment: however many ask, what it takes is asked for once.

Who comes meanwhile waits for that answer, and takes up no thread: a part that hangs must not hold up other requests.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from gateway.clock import Clock, SystemClock

_Answer = TypeVar("_Answer")


@dataclass
class Recent(Generic[_Answer]):
    """Calls `ask`, in a thread, and returns the same to all who come within `seconds`."""

    ask: Callable[[], _Answer]
    seconds: float
    clock: Clock = field(default_factory=SystemClock)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _kept: tuple[float, _Answer] | None = field(default=None, init=False)

    async def get(self) -> _Answer:
        async with self._lock:
            if self._kept is None or self.clock.monotonic() > self._kept[0] + self.seconds:
                answer = await run_in_threadpool(self.ask)
                self._kept = self.clock.monotonic(), answer
            return self._kept[1]
