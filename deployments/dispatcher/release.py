"""Runs that wait for a part that is away go on as soon as it answers, the oldest first.

A probe may succeed where the real work still fails: a broker that answers but has no queue bound, say. So a run is
released once for each outage that the probe has seen; after that it keeps its own growing delay.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterWorkQueueName,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from deployments.run_states import put_back
from gateway.clock import Clock, SystemClock, time_of
from gateway.errors import Dependency, GatewayError
from gateway.waiting import dependency_of

Probe = Callable[[], None]  # returns where the part answers, raises a GatewayError where it does not
Peers = Callable[[Sequence[FlowRun]], Mapping[str, tuple[Probe, Sequence[FlowRun]]]]
"""Tells of runs that wait for peers which peer each waits for, by its name, and how that is asked."""

_AT_MOST = 20  # runs, before it is asked again whether the part still answers
_SOON = timedelta(seconds=5)  # a run that is due by then starts by itself: released too, it could run twice
_UNASKED_SECONDS = 15.0  # a part that answers is asked this seldom while nobody is to be released
_KEPT_SECONDS = 3600.0  # longer than any run waits

_log = structlog.get_logger()


@dataclass
class _Part:
    """What is known of a part: whether it answered, and who was released since it last began to."""

    answers: bool = True
    asked: float = -_UNASKED_SECONDS
    released: dict[UUID, float] = field(default_factory=dict)  # run → when

    def note(self, *, answers: bool, now: float) -> None:
        if self.answers and not answers:
            self.released.clear()
        self.answers, self.asked = answers, now

    def may_go(self, runs: Sequence[FlowRun]) -> list[FlowRun]:
        return [run for run in runs if run.id not in self.released]

    def forget_before(self, moment: float) -> None:
        self.released = {run: when for run, when in self.released.items() if when >= moment}


@dataclass
class Release:
    """Watches over the waiting runs of some work queues. Each queue has one such watch.

    `peers` is for what there are many of, such as sources: each is probed, and held to have answered, for itself.
    """

    client: PrefectClient
    queues: Sequence[str]
    probes: Mapping[Dependency, Probe]
    clock: Clock = field(default_factory=SystemClock)
    work_pool: str | None = None
    peers: Mapping[Dependency, Peers] = field(default_factory=dict)
    _parts: dict[str, _Part] = field(default_factory=dict, init=False)

    async def look(self) -> bool:
        """Probe what is waited for, and release who waits for what answers."""
        for dependency, runs in _by_dependency(await self._waiting()).items():
            if dependency in self.probes:
                await self._look_at(str(dependency), self.probes[dependency], runs)
            elif dependency in self.peers:
                for name, (probe, its_runs) in (await asyncio.to_thread(self.peers[dependency], runs)).items():
                    await self._look_at(name, probe, its_runs)
        return True

    async def _look_at(self, name: str, probe: Probe, runs: Sequence[FlowRun]) -> None:
        part, now = self._parts.setdefault(name, _Part()), self.clock.monotonic()
        part.forget_before(now - _KEPT_SECONDS)
        if part.answers and not part.may_go(runs) and now < part.asked + _UNASKED_SECONDS:
            return
        part.note(answers=await self._answers(name, probe), now=now)
        if part.answers:
            for run in part.may_go(runs)[:_AT_MOST]:
                await self._let_go(run, name)
                part.released[run.id] = now

    async def _let_go(self, run: FlowRun, name: str) -> None:
        with suppress(ObjectNotFound):  # deleted meanwhile
            await put_back(self.client, run.id, f"It waited for {name}, which answers again.")
            _log.info("waiting run released", waited_for=name, run=run.name, run_id=str(run.id))

    async def _answers(self, name: str, probe: Probe) -> bool:
        try:
            await asyncio.to_thread(probe)
        except GatewayError as error:
            _log.debug("still away", part=name, reason=str(error))
            return False
        return True

    async def _waiting(self) -> list[FlowRun]:
        wanted = FlowRunFilter(
            state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["AwaitingRetry"])),
            work_queue_name=FlowRunFilterWorkQueueName(any_=list(self.queues)),
        )
        pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[self.work_pool])) if self.work_pool else None
        runs = await self.client.read_flow_runs(
            flow_run_filter=wanted, work_pool_filter=pool, sort=FlowRunSort.START_TIME_ASC
        )
        soon = time_of(self.clock.time_ns()) + _SOON
        return [run for run in runs if _next_try(run) > soon]


def _by_dependency(runs: Sequence[FlowRun]) -> dict[Dependency, list[FlowRun]]:
    sorted_out: dict[Dependency, list[FlowRun]] = {}
    for run in runs:
        if dependency := dependency_of(run.state.message if run.state else None):
            sorted_out.setdefault(dependency, []).append(run)
    return sorted_out


def _next_try(run: FlowRun) -> datetime:
    due = run.state.state_details.scheduled_time if run.state else None
    return due or datetime.min.replace(tzinfo=UTC)
