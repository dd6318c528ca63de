"""What the worker does until it is stopped: looks for runs, tells Prefect that it lives, cancels, tidies up."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter

from deployments.prefect_side.prefect_api import prefect_errors
from deployments.process.services import Services
from deployments.process.stopping import Stopping, cancel_all
from deployments.process.waking import wait_for_any
from deployments.worker.cancellation import end_cancelled_runs
from deployments.worker.left_runs import put_back_left_runs
from deployments.worker.settlement import Ending
from deployments.worker.worker import GatewayWorker
from gateway.work.back_off import BackOff

POLL_SECONDS = 1.5  # the net below the events
HEARTBEAT_SECONDS = 20.0
CANCEL_POLL_SECONDS = 1.0  # while a run is in hand
LAST_WORDS_SECONDS = 3.0  # for what is told to Prefect at a stop at once

_CANCELLING = "prefect.flow-run.Cancelling"
_EVENTS = ["prefect.flow-run.Scheduled", "prefect.flow-run.AwaitingRetry", _CANCELLING]

_log = structlog.get_logger()


class StoppedAtOnce(Exception):
    """The worker ends with runs in hand; its next life finds and puts back those that Prefect was not told of."""


@dataclass
class WorkerLoop:
    """The services of one worker. Prefect being away ends none of them."""

    worker: GatewayWorker
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    look_for_cancels: asyncio.Event = field(default_factory=asyncio.Event)
    services: Services = field(default_factory=lambda: Services(POLL_SECONDS))

    async def run(self, stopping: Stopping, drain_seconds: float) -> None:
        """Work until stopped; then wait for the runs in hand, `drain_seconds` at most, or not at all if asked twice."""
        try:
            async with self.worker, asyncio.TaskGroup() as group:
                self.ready.set()
                seekers = [group.create_task(service) for service in self._seekers()]
                keepers = [group.create_task(service) for service in self._keepers()]
                await stopping.in_order.wait()
                await cancel_all(seekers)
                await self._drain(stopping, drain_seconds)
                await cancel_all(keepers)
        except* StoppedAtOnce as stopped:
            _log.warning(str(stopped.exceptions[0]))

    def _seekers(self) -> list[Coroutine[None, None, None]]:
        """What ends when the worker is asked to stop."""
        return [
            self.worker.children.keep_filled(),
            self.services.repeat(self._find_runs, POLL_SECONDS, self.worker.look_again),
        ]

    def _keepers(self) -> list[Coroutine[None, None, None]]:
        """What goes on until the last run has ended: without heartbeats its runs would be taken for lost."""
        return [
            self.services.repeat(self._sync, HEARTBEAT_SECONDS),
            self.services.repeat(self._cancel_runs, HEARTBEAT_SECONDS, self.look_for_cancels),
            self.services.repeat(self._cancel_runs_in_hand, CANCEL_POLL_SECONDS),
            self._listen(),
        ]

    async def _find_runs(self) -> bool:
        if not self.worker.has_room:
            return False
        with prefect_errors():
            await self.worker.get_and_submit_flow_runs()
        return True

    async def _sync(self) -> bool:
        with prefect_errors():
            await self.worker.sync_with_backend()
        await put_back_left_runs(self.worker)
        return True

    async def _cancel_runs(self) -> bool:
        await end_cancelled_runs(self.worker)
        return True

    async def _cancel_runs_in_hand(self) -> bool:
        return bool(self.worker.in_hand) and await self._cancel_runs()

    async def _listen(self) -> None:
        """Be woken by Prefect's events. Where they fail, the polls find everything a little later."""
        delays = BackOff(1, 10).delays()
        while True:
            try:
                async with get_events_subscriber(filter=self._events_wanted(), reconnection_attempts=0) as events:
                    delays = BackOff(1, 10).delays()
                    async for event in events:
                        (self.look_for_cancels if event.event == _CANCELLING else self.worker.look_again).set()
            except Exception as error:  # noqa: BLE001 - websockets, asyncio and Prefect each raise their own
                _log.debug("no events from Prefect", reason=type(error).__name__)
            await asyncio.sleep(next(delays))

    def _events_wanted(self) -> EventFilter:
        pool = EventAnyResourceFilter(id=[f"prefect.work-pool.{self.worker.work_pool.id}"])
        return EventFilter(event=EventNameFilter(name=_EVENTS), any_resource=pool)

    async def _drain(self, stopping: Stopping, drain_seconds: float) -> None:
        """Wait for the runs in hand; cut them where that takes too long. Raises StoppedAtOnce if some are left."""
        if runs := len(self.worker.in_hand):
            _log.info("stopping when the runs in hand have ended", runs=runs, drain_seconds=drain_seconds)
        await self._until_idle(drain_seconds, stopping.at_once)
        if self.worker.in_hand:
            self._cut()
            await self._until_idle(LAST_WORDS_SECONDS)
        if runs := len(self.worker.in_hand):
            raise StoppedAtOnce(f"{runs} runs were cut and Prefect could not be told: the next start puts them back")

    def _cut(self) -> None:
        _log.warning("the runs in hand are cut; they start again", runs=len(self.worker.in_hand))
        self.worker.at_once.set()
        for run in self.worker.in_hand.values():
            if run.ending is Ending.ITSELF and run.exit_code is None:
                run.ending = Ending.CUT
            if run.child:
                run.child.kill()

    async def _until_idle(self, within_seconds: float, unless: asyncio.Event | None = None) -> None:
        others = [unless] if unless else []
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while self.worker.in_hand and not (unless and unless.is_set()):
                    self.worker.look_again.clear()
                    await wait_for_any(self.worker.look_again, *others)
