"""Cancel in the dashboard ends the child: Prefect's stock worker leaves that to a runner that we do not have."""

import asyncio

import structlog

from deployments.process.ownership import owner_of
from deployments.worker.settlement import Ending, RunInHand
from deployments.worker.worker import GatewayWorker
from gateway.runs.run import StateType
from gateway.runs.states import mark_cancelled

_log = structlog.get_logger()


async def end_cancelled_runs(worker: GatewayWorker) -> None:
    """End the children of runs that are Cancelling; their end makes the runs Cancelled.

    A run of this worker without a child, one that waits or was left, is Cancelled at once.
    """
    for flow_run in await worker.runs_in({StateType.CANCELLING}):
        if run := worker.in_hand.get(flow_run.id):
            _end(run, flow_run.name, worker.cancel_seconds)
        elif owner_of(flow_run.infrastructure_pid, None) == worker.name:
            await mark_cancelled(worker.api, flow_run.id, "Cancelled: nothing was running it.")


def _end(run: RunInHand, name: str, in_order_seconds: float) -> None:
    if run.ending is not Ending.ITSELF:
        return
    run.ending = Ending.CANCELLED
    if run.child:
        _log.info("run cancelled: its process is ended", run=name, process=run.child.process_id)
        run.child.terminate()
        asyncio.get_running_loop().call_later(in_order_seconds, run.child.kill)
