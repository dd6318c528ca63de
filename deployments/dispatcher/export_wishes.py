"""What operators ask of exports, by command line or HTTP, is written in the ledger and done here."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from deployments.dispatcher.exports import ExportDispatcher
from deployments.run_states import put_back
from gateway.destinations.circuits import Circuits
from gateway.exports.states import ExportRow, Wanted

SOON = timedelta(seconds=5)  # due by then it starts by itself: started by us too, it could run twice

_AT_WORK = {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}

_log = structlog.get_logger()


@dataclass
class ExportWishes:
    """Retries and cancels, each done once."""

    client: PrefectClient
    exports: ExportDispatcher
    circuits: Circuits

    async def look(self) -> bool:
        rows = await asyncio.to_thread(self.exports.ledger.wanted)
        for row in rows:
            if row.flow_run_id is None:  # it is about to have a run, by which it can be ended
                continue
            await self._retry(row) if row.wanted is Wanted.RETRY else await self._cancel(row)
            await asyncio.to_thread(self.exports.ledger.done, row)
            _log.info("done as an operator wanted", wanted=str(row.wanted), export=str(row.export_id))
        return True

    async def _retry(self, row: ExportRow) -> None:
        """Start the run now, as Retry in the dashboard does; where it is gone, have another."""
        run = await self._run(row)
        if run is None:
            await asyncio.to_thread(self.exports.ledger.ask_for_another_run, row)
        elif not starts_by_itself(run, datetime.now(UTC)):
            await asyncio.to_thread(self._distrust_circuits, row)
            await put_back(self.client, run.id, "Tried again at an operator's request.")

    async def _cancel(self, row: ExportRow) -> None:
        run = await self._run(row)
        if run is not None and run.state_type not in {None, StateType.CANCELLED, *_ENDED}:
            await self.client.set_flow_run_state(run.id, Cancelling())
        elif not row.state.is_settled:
            await asyncio.to_thread(self.exports.settle_cancelled, row)

    def _distrust_circuits(self, row: ExportRow) -> None:
        """Who asks may know more than the last probe."""
        found = self.exports.destinations()
        for each in self.exports.ledger.destinations(row.export_id):
            self.circuits.try_again(found.circuit_name(each.name, row.agent, each.output))

    async def _run(self, row: ExportRow) -> FlowRun | None:
        assert row.flow_run_id
        try:
            return await self.client.read_flow_run(row.flow_run_id)
        except ObjectNotFound:
            return None


_ENDED = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED}


def starts_by_itself(run: FlowRun, now: datetime) -> bool:
    """Whether a run is at work, or about to be."""
    if run.state_type in _AT_WORK:
        return True
    due = run.state.state_details.scheduled_time if run.state else None
    return run.state_type is StateType.SCHEDULED and due is not None and due <= now + SOON
