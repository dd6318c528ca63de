"""From request to run: every inference request that is not over has a run that stands for it.

Several dispatchers look at the same requests. What they ask for carries the same key, so it is asked for once.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.dispatcher.decision import needs_another_run
from deployments.dispatcher.deployment_runs import DeploymentRuns, WantedRun
from gateway.inference.acceptance import note
from gateway.inference.identity import priority_class
from gateway.inference.row import RequestRow
from gateway.inference.store import RequestStore

_AT_ONCE = 50  # requests that are given a run before others of the dispatcher's work have their turn
_OVER = {StateType.CRASHED, StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED}

_log = structlog.get_logger()


@dataclass
class RequestDispatcher:
    """Keeps the requests and Prefect together. `keep_failed` is how long the credentials of failed ones are kept."""

    store: RequestStore
    runs: DeploymentRuns
    keep_failed: timedelta
    has_work: bool = field(default=False, init=False)

    async def look(self) -> bool:
        """Ask for a run for each request that has none, in the order in which they came."""
        rows = await asyncio.to_thread(self.store.without_run, _AT_ONCE)
        for row in rows:
            await self._dispatch(row)
        return bool(rows)

    async def reconcile(self) -> bool:
        """Say what became of requests whose runs are over, and ask for another run where that is needed."""
        rows = {row.flow_run_id: row for row in await asyncio.to_thread(self.store.open_rows) if row.flow_run_id}
        self.has_work = bool(rows)
        for run_id, run in (await self.runs.over(list(rows), _OVER)).items():
            await self._settle(rows[run_id], run_id, run)
        return bool(rows)

    async def erase_expired(self) -> bool:
        """Erase the credentials whose term is over."""
        erased = await asyncio.to_thread(self.store.erase_expired, datetime.now(UTC), self.keep_failed)
        if erased:
            _log.info("credentials erased: their term is over", requests=erased)
        return False

    async def _dispatch(self, row: RequestRow) -> None:
        run = await self.runs.create(request_run(row))
        await asyncio.to_thread(self.store.note_run, row.request_id, row.attempt, run.id)
        self.has_work = True
        _log.info("run asked for", request=note(row.request_id), attempt=row.attempt, run=run.name, run_id=str(run.id))

    async def _settle(self, row: RequestRow, run_id: UUID, run: FlowRun | None) -> None:
        now, request = datetime.now(UTC), row.request_id
        if run is not None and run.state_type is StateType.FAILED:
            message = (run.state.message if run.state else None) or "its run has failed"
            await asyncio.to_thread(lambda: self.store.note_failed(request, message, now, run=run_id))
        elif run is not None and run.state_type is StateType.CANCELLED:
            await asyncio.to_thread(lambda: self.store.cancel(request, "its run was cancelled", now, run=run_id))
        elif needs_another_run(run, row.attempt, now):
            _log.warning("a request's run is no more", request=note(request))
            await asyncio.to_thread(self.store.queue_again, request, run_id)


def request_run(row: RequestRow) -> WantedRun:
    """The request's run: its name and its tags are counts and classes, nothing of what the client wrote."""
    request, kind = row.request, priority_class(row.request.priority)
    sources, inputs = len(request.sources), len(request.inputs)
    return WantedRun(
        parameters={"request_id": str(row.request_id)},
        name=f"{_count(inputs, 'input')} from {_count(sources, 'source')}, {note(row.request_id)}",
        tags=[f"priority {kind}"],
        work_queue=kind,
        idempotency_key=f"{row.request_id}:{row.attempt}",
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
