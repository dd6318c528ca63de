"""The services of a process: what is done again and again, whatever is away meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from deployments.process.waking import wait_for_any
from gateway.errors import BrokerRefused, DatabaseRefused, PrefectRefused, TransientError
from gateway.operations.condition.heartbeat import STEP_SECONDS, Hearts
from gateway.work.back_off import BackOff
from gateway.work.outage import Outages

_FIRST_RETRY_SECONDS = 0.25
_AWAY = (TransientError, PrefectRefused, BrokerRefused)  # or put right by somebody before long

_log = structlog.get_logger()


@contextmanager
def refusal_alone() -> Iterator[None]:
    """Raise the first DatabaseRefused of a task group by itself: with it the process ends."""
    try:
        yield
    except BaseExceptionGroup as group:
        refused: BaseException | None = group.subgroup(DatabaseRefused)
        if refused is None:
            raise
        while isinstance(refused, BaseExceptionGroup):
            refused = refused.exceptions[0]
        raise refused from group


@dataclass
class Services:
    """Repeats steps. `longest_retry_seconds` bounds the growing delays while something is away.

    With `hearts` each loop tells that it turns.
    """

    longest_retry_seconds: float
    outages: Outages = field(default_factory=Outages)
    hearts: Hearts | None = None

    async def once(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step, for which whatever is away is waited for. Raises DatabaseRefused."""
        for delay_seconds in self._delays():
            try:
                await step()
            except _AWAY as error:
                self.outages.began(error, step)
                await asyncio.sleep(delay_seconds)
            else:
                self.outages.over(step)
                return

    async def repeat(
        self, step: Callable[[], Awaitable[bool]], interval_seconds: float, wake: asyncio.Event | None = None
    ) -> None:
        """Take a step whenever woken, and every so often anyhow, until cancelled.

        A step returns whether it has asked, and was answered by, what may be away. Raises DatabaseRefused.
        """
        if self.hearts is None:
            await self._repeat(step, interval_seconds, wake or asyncio.Event(), lambda: None)
            return
        with self.hearts.of(step.__qualname__, interval_seconds + STEP_SECONDS) as heart:
            await self._repeat(step, interval_seconds, wake or asyncio.Event(), heart.beat)

    async def _repeat(
        self,
        step: Callable[[], Awaitable[bool]],
        interval_seconds: float,
        wake: asyncio.Event,
        beat: Callable[[], None],
    ) -> None:
        delays = self._delays()
        while True:
            beat()
            wake.clear()
            pause_seconds = interval_seconds
            try:
                answered = await step()
                if answered:
                    self.outages.over(step)
                    delays = self._delays()
            except _AWAY as error:
                self.outages.began(error, step)
                pause_seconds = next(delays)
                wake.clear()
            except DatabaseRefused:
                raise
            except Exception:  # noqa: BLE001 - the outermost frame of a service
                _log.exception("unexpected, going on")
            await wait_for_any(wake, timeout_seconds=pause_seconds)

    def _delays(self) -> Iterator[float]:
        return BackOff(_FIRST_RETRY_SECONDS, self.longest_retry_seconds).delays()
