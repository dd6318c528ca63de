"""From work to runs, whatever the kind: all that is recorded has a run that stands for it until it is over.

Several dispatchers look at the same work. What they ask for carries the same key, so it is asked for once. Whatever
one leaves, by a crash or an outage, the next look finds.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import structlog

from deployments.dispatcher.decision import ends_that_matter, meaning_of
from gateway.runs.deployment import DeploymentRuns
from gateway.runs.reading import runs_over
from gateway.runs.run import Run
from gateway.runs.states import cancel
from gateway.work.kind import Kind
from gateway.work.rows import Work
from gateway.work.transitions import Event

_IN_TURN = 4  # runs of a kind that are asked for before the next kind has its turn
_UNBOUNDED = 1_000_000
_PAGE = 500  # of work whose runs are looked at in one step

_log = structlog.get_logger()


@dataclass
class Dispatched:
    """A kind of work with its deployment, and where the last look at its runs has ended."""

    kind: Kind
    runs: DeploymentRuns
    looked_up_to: UUID | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return self.kind.ledger.of.kind


@dataclass
class Engine:
    """Keeps the rows of every kind and Prefect together. Runs are created one at a time: SQLite refuses others."""

    kinds: Mapping[str, Dispatched]
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def look(self) -> bool:
        """Ask for a run for all that has none: some of each kind in turn, so that no kind holds up another."""
        for each in self.kinds.values():
            await asyncio.to_thread(each.kind.refresh, datetime.now(UTC))
        while any([await self._dispatch_some(each) for each in self.kinds.values()]):
            pass
        return True

    async def reconcile(self) -> bool:
        """See to work whose run has ended without having brought it to its end: a page of each kind."""
        for each in self.kinds.values():
            works = await asyncio.to_thread(each.kind.ledger.with_run, each.looked_up_to, _PAGE)
            each.looked_up_to = works[-1].work_id if len(works) == _PAGE else None
            by_run = {work.flow_run_id: work for work in works if work.flow_run_id}
            ended = await runs_over(each.runs.api, list(by_run), ends_that_matter(each.kind.ended_by))
            for run_id, run in ended.items():
                await self._see_to(each, by_run[run_id], run)
        return True

    async def _dispatch_some(self, each: Dispatched) -> bool:
        """Ask for a few runs of a kind; return whether there may be more to ask for."""
        places = min(await asyncio.to_thread(free_places, each.kind), _IN_TURN)
        works = await asyncio.to_thread(each.kind.ledger.without_run, places) if places else []
        for work in works:
            await self._dispatch(each, work)
        return len(works) == _IN_TURN

    async def _dispatch(self, each: Dispatched, work: Work) -> None:
        """Ask for its run, or the first after that which is not over already: what the database knows may be old."""
        attempt = work.attempt
        while True:
            asked_for = Work(work.work_id, work.state, work.fencing_token, attempt, None)
            wanted = await asyncio.to_thread(each.kind.wanted_run, asked_for)
            if wanted is None:
                return
            async with self._one_at_a_time:
                run = await each.runs.create(wanted)
            if meaning_of(run, attempt, datetime.now(UTC)) is not Event.RUN_LOST:
                break
            attempt += 1
        if not await asyncio.to_thread(each.kind.ledger.note_run, work.work_id, attempt, run.id, datetime.now(UTC)):
            await cancel(each.runs.api, run.id)
        what = {each.name: str(work.work_id)}
        _log.info("run asked for", attempt=attempt, run=run.name, run_id=str(run.id), **what)

    async def _see_to(self, each: Dispatched, work: Work, run: Run | None) -> None:
        now = datetime.now(UTC)
        event = meaning_of(run, work.attempt, now)
        if event is None or not await asyncio.to_thread(each.kind.is_open, work):
            return
        what = {each.name: str(work.work_id)}
        if event is Event.RUN_LOST:
            _log.warning("run is no more; another is asked for", run_is=_in_words(run), **what)
            await asyncio.to_thread(each.kind.ledger.ask_for_another_run, work)
        else:
            message = (run.message if run else None) or ""
            await asyncio.to_thread(each.kind.run_ended, work, event, message, now)
            _log.info("work has ended with its run", run_is=_in_words(run), **what)


def free_places(kind: Kind) -> int:
    """How many more runs of this kind may wait for a worker."""
    if kind.most_queued is None:
        return _UNBOUNDED
    queued = kind.ledger.count(kind.ledger.of.transitions.of(Event.DISPATCHED).target)
    return max(kind.most_queued - queued, 0)


def _in_words(run: Run | None) -> str:
    return run.state_name if run else "deleted"
