"""Runs that an earlier life of this worker left behind, or that this one lost while Prefect was away."""

from uuid import UUID

import structlog

from deployments.process.ownership import claimed_by, owner_of
from deployments.worker.worker import GatewayWorker
from gateway.runs.reading import read_run, read_states
from gateway.runs.run import Run, StateType
from gateway.runs.states import mark_cancelled, put_back

_log = structlog.get_logger()


async def put_back_left_runs(worker: GatewayWorker) -> None:
    """Have every run picked up again that is this worker's by name and that it does not have in hand."""
    for flow_run in await worker.runs_in({StateType.RUNNING, StateType.PENDING, StateType.CANCELLING}):
        if await _is_left(worker, flow_run.id):
            await _settle(worker, flow_run)


async def _is_left(worker: GatewayWorker, run_id: UUID) -> bool:
    """Look again: a run that ended since it was listed must not be started once more."""
    if run_id in worker.in_hand:
        return False
    flow_run = await read_run(worker.api, run_id)
    return run_id not in worker.in_hand and await _is_ours(worker, flow_run)


async def _is_ours(worker: GatewayWorker, flow_run: Run) -> bool:
    """Whether the run's present state was reached in this worker's hands."""
    if not flow_run.state_type.is_at_work:
        return False
    if flow_run.state_type is StateType.CANCELLING and flow_run.infrastructure_pid is None:  # before it was named
        states = await read_states(worker.api, flow_run.id)
        return any(past.type is StateType.PENDING and claimed_by(past.message) == worker.name for past in states[-2:])
    pending_message = (flow_run.message or "") if flow_run.state_type is StateType.PENDING else None
    return owner_of(flow_run.infrastructure_pid, pending_message) == worker.name


async def _settle(worker: GatewayWorker, flow_run: Run) -> None:
    if flow_run.state_type is StateType.CANCELLING:
        await mark_cancelled(worker.api, flow_run.id, "Cancelled: nothing was running it.")
        return
    await put_back(worker.api, flow_run.id, "Its worker had ended before the run was over; it starts again.")
    _log.info("run put back: it was left behind", run=flow_run.name, run_id=str(flow_run.id))
