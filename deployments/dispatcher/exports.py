"""From export request to run: every recorded export has a run that stands for it until it has settled."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.dispatcher.decision import DOES_NOT_STAND, needs_another_run
from deployments.dispatcher.deployment_runs import DeploymentRuns
from deployments.dispatcher.export_runs import export_run
from gateway.destinations.registered import Destinations
from gateway.exports.attempt import Attempt
from gateway.exports.ledger import ExportLedger
from gateway.exports.settling import give_up
from gateway.exports.states import ExportRow
from gateway.exports.taking_up import take_from_run

_AT_MOST = 20  # runs asked for, before something else has its turn
_ENDS = {*DOES_NOT_STAND, StateType.FAILED, StateType.CANCELLED}

CANCELLED = "cancelled by an operator"
FAILED = "its run failed, for a reason that Prefect shows"

_log = structlog.get_logger()


@dataclass
class ExportDispatcher:
    """Keeps the ledger and Prefect together, with any number of others. Whatever it leaves, the next look finds."""

    ledger: ExportLedger
    runs: DeploymentRuns
    destinations: Callable[[], Destinations]
    work_queue: str
    has_work: bool = field(default=False, init=False)

    async def look(self) -> bool:
        """Ask for a run for what is new."""
        rows = await asyncio.to_thread(self.ledger.undispatched, _AT_MOST)
        for row in rows:
            await self._dispatch(row)
        self.has_work = await asyncio.to_thread(self.ledger.has_unsettled)
        return True

    async def reconcile(self) -> bool:
        """See to exports whose run has ended without having settled them."""
        rows = {row.flow_run_id: row for row in await asyncio.to_thread(self.ledger.unsettled_with_run)}
        run_ids = [run_id for run_id in rows if run_id]
        for run_id, run in (await self.runs.over(run_ids, _ENDS)).items():
            await self._see_to(rows[run_id], run)
        return True

    def settle_cancelled(self, row: ExportRow) -> None:
        """Settle what an operator has ended, unless it has settled, or was taken up, meanwhile."""
        self._settle(row, CANCELLED, cancelled=True)

    async def _dispatch(self, row: ExportRow) -> None:
        found = self.destinations()
        rows = await asyncio.to_thread(self.ledger.destinations, row.export_id)
        labels = list(dict.fromkeys(found.label(each.name, row.agent) for each in rows))
        files = await asyncio.to_thread(self.ledger.file_count, row.export_id)
        run = await self.runs.create(export_run(row, labels, files, self.work_queue))
        await asyncio.to_thread(self.ledger.note_run, row.export_id, row.attempt, run.id)
        _log.info("run asked for", export=str(row.export_id), attempt=row.attempt, run=run.name, run_id=str(run.id))

    async def _see_to(self, row: ExportRow, run: FlowRun | None) -> None:
        state = run.state_type if run else None
        if state is StateType.CANCELLED:
            await asyncio.to_thread(self.settle_cancelled, row)
        elif state is StateType.FAILED:
            await asyncio.to_thread(self._settle, row, FAILED, cancelled=False)
        elif needs_another_run(run, row.attempt, datetime.now(UTC)):
            _log.warning("an export's run is no more", export=str(row.export_id), run=run.name if run else "deleted")
            await asyncio.to_thread(self.ledger.ask_for_another_run, row)

    def _settle(self, row: ExportRow, reason: str, *, cancelled: bool) -> None:
        attempt: Attempt | None = take_from_run(self.ledger.engine, row)
        if attempt:
            give_up(attempt, self.destinations(), reason, datetime.now(UTC), cancelled=cancelled)
            _log.info("export settled", export=str(row.export_id), reason=reason)
