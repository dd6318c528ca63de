"""Runs of workers that do not come back: their own next life would put them back, if there were one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from deployments.process.ownership import owner_of
from gateway.clock import Clock, SystemClock
from gateway.runs.api import PrefectApi
from gateway.runs.reading import RunFilter, find_run, find_runs
from gateway.runs.run import Run, StateType
from gateway.runs.server import heartbeats
from gateway.runs.states import Verdict, mark_cancelled, put_back

LOST_SECONDS = 300.0  # fifteen heartbeats
LOOK_SECONDS = 30.0

_log = structlog.get_logger()


@dataclass
class LostWorkers:
    """Frees the runs of workers whose heartbeat stands still.

    For how long is measured here, by looking again and again: while Prefect is away no worker's heartbeat moves, and
    right after that all are old, which says nothing.
    """

    api: PrefectApi
    work_pool: str
    queues: Sequence[str]
    clock: Clock = field(default_factory=SystemClock)
    _stands: dict[str, tuple[datetime | None, float]] = field(default_factory=dict, init=False)  # heartbeat, since
    _looked: float = field(default=0.0, init=False)

    async def look(self) -> bool:
        """Put back the runs that are in the hands of a lost worker; end those of them that are Cancelling."""
        at_work = [state for state in StateType if state.is_at_work]
        runs = await find_runs(self.api, RunFilter(self.work_pool, self.queues, at_work))
        lost = await self._lost({owner for run in runs if (owner := _owner(run))})
        for run in runs:
            if _owner(run) in lost:
                await self._free(run)
        return True

    async def _lost(self, owners: set[str]) -> set[str]:
        last_heard = await heartbeats(self.api, self.work_pool) if owners else {}
        now = self.clock.monotonic()
        if now > self._looked + 3 * LOOK_SECONDS:
            self._stands.clear()  # nobody looked, or Prefect was away
        self._looked = now
        before, self._stands = self._stands, {}
        for owner in owners:
            heartbeat = last_heard.get(owner)
            last_seen, since = before.get(owner, (heartbeat, now))
            self._stands[owner] = (heartbeat, since if heartbeat == last_seen else now)
        return {owner for owner, (_, since) in self._stands.items() if now - since >= LOST_SECONDS}

    async def _free(self, listed: Run) -> None:
        run = await find_run(self.api, listed.id)  # it may have been freed meanwhile, by another node's dispatcher
        if run is None or run.state_type is not listed.state_type or _owner(run) != _owner(listed):
            return
        verdict = await self._end_or_put_back(run)
        if verdict.is_accepted:
            _log.warning("run freed: its worker is lost", worker=_owner(run), run=run.name, run_id=str(run.id))
        else:
            _log.info("run not freed", run=run.name, run_id=str(run.id), reason=verdict.reason)

    async def _end_or_put_back(self, run: Run) -> Verdict:
        if run.state_type is StateType.CANCELLING:
            return await mark_cancelled(self.api, run.id, "Cancelled: its worker is lost.")
        return await put_back(self.api, run.id, "Its worker is lost; it starts again.")


def _owner(run: Run) -> str | None:
    pending_message = (run.message or "") if run.state_type is StateType.PENDING else None
    return owner_of(run.infrastructure_pid, pending_message)
