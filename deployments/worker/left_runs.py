"""Runs that an earlier life of this worker left behind, or that this one lost while Prefect was away."""

from uuid import UUID

import structlog
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.prefect_side.prefect_api import runs_in_state
from deployments.prefect_side.run_states import mark_cancelled, put_back
from deployments.process.ownership import claimed_by, owner_of
from deployments.worker.worker import GatewayWorker

_log = structlog.get_logger()


async def put_back_left_runs(worker: GatewayWorker) -> None:
    """Have every run picked up again that is this worker's by name and that it does not have in hand."""
    states = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
    for flow_run in await runs_in_state(worker.client, worker.pool_name, worker.queues, *states):
        if await _is_left(worker, flow_run.id):
            await _settle(worker, flow_run)


async def _is_left(worker: GatewayWorker, run_id: UUID) -> bool:
    """Look again: a run that ended since it was listed must not be started once more."""
    if run_id in worker.in_hand:
        return False
    flow_run = await worker.client.read_flow_run(run_id)
    return run_id not in worker.in_hand and await _is_ours(worker, flow_run)


async def _is_ours(worker: GatewayWorker, flow_run: FlowRun) -> bool:
    """Whether the run's present state was reached in this worker's hands."""
    state = flow_run.state
    if state is None or state.is_scheduled() or state.is_final():
        return False
    if state.is_cancelling() and flow_run.infrastructure_pid is None:  # before its process was named
        states = await worker.client.read_flow_run_states(flow_run.id)
        return any(past.is_pending() and claimed_by(past.message) == worker.name for past in states[-2:])
    pending_message = (state.message or "") if state.is_pending() else None
    return owner_of(flow_run.infrastructure_pid, pending_message) == worker.name


async def _settle(worker: GatewayWorker, flow_run: FlowRun) -> None:
    if flow_run.state_type is StateType.CANCELLING:
        await mark_cancelled(worker.client, flow_run.id, "Cancelled: nothing was running it.")
        return
    await put_back(worker.client, flow_run.id, "Its worker had ended before the run was over; it starts again.")
    _log.info("run put back: it was left behind", run=flow_run.name, run_id=str(flow_run.id))
