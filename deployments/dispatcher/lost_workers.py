"""Runs of workers that do not come back: their own next life would put them back, if there were one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.prefect_side.prefect_api import runs_in_state
from deployments.prefect_side.run_states import mark_cancelled, put_back
from deployments.process.ownership import owner_of
from gateway.clock import Clock, SystemClock

LOST_SECONDS = 300.0  # fifteen heartbeats
LOOK_SECONDS = 30.0

_log = structlog.get_logger()


@dataclass
class LostWorkers:
    """Frees the runs of workers whose heartbeat stands still.

    For how long is measured here, by looking again and again: while Prefect is away no worker's heartbeat moves, and
    right after that all are old, which says nothing.
    """

    client: PrefectClient
    work_pool: str
    queues: Sequence[str]
    clock: Clock = field(default_factory=SystemClock)
    _stands: dict[str, tuple[datetime | None, float]] = field(default_factory=dict, init=False)  # heartbeat, since
    _looked: float = field(default=0.0, init=False)

    async def look(self) -> bool:
        """Put back the runs that are in the hands of a lost worker; end those of them that are Cancelling."""
        states = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
        runs = await runs_in_state(self.client, self.work_pool, self.queues, *states)
        lost = await self._lost({owner for run in runs if (owner := owner_of(run))})
        for run in runs:
            if owner_of(run) in lost:
                await self._free(run)
        return True

    async def _lost(self, owners: set[str]) -> set[str]:
        workers = await self.client.read_workers_for_work_pool(self.work_pool) if owners else []
        heartbeats = {worker.name: worker.last_heartbeat_time for worker in workers}
        now = self.clock.monotonic()
        if now > self._looked + 3 * LOOK_SECONDS:
            self._stands.clear()  # nobody looked, or Prefect was away
        self._looked = now
        before, self._stands = self._stands, {}
        for owner in owners:
            heartbeat = heartbeats.get(owner)
            last_seen, since = before.get(owner, (heartbeat, now))
            self._stands[owner] = (heartbeat, since if heartbeat == last_seen else now)
        return {owner for owner, (_, since) in self._stands.items() if now - since >= LOST_SECONDS}

    async def _free(self, listed: FlowRun) -> None:
        run = await self.client.read_flow_run(
            listed.id
        )  # it may have been freed meanwhile, by another node's dispatcher
        if run.state_type is not listed.state_type or owner_of(run) != owner_of(listed):
            return
        _log.warning("run freed: its worker is lost", worker=owner_of(run), run=run.name, run_id=str(run.id))
        if run.state_type is StateType.CANCELLING:
            await mark_cancelled(self.client, run.id, "Cancelled: its worker is lost.")
        else:
            await put_back(self.client, run.id, "Its worker is lost; it starts again.")
