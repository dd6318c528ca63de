"""Try now: a run that waits, has failed or was cancelled starts at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, StateType

from deployments.prefect_side.prefect_api import prefect_client, prefect_errors
from deployments.run_states import put_back
from gateway.errors import PermanentError

_SOON = timedelta(seconds=5)  # due by then it starts by itself: started by us too, it could run twice


class NothingToRetry(PermanentError):
    """The run goes on by itself. The text says how."""


def start_again(run_id: UUID) -> None:
    """Have a run start now. Raises NothingToRetry, NotInPrefect, and what Prefect's being away or refusing raises."""
    asyncio.run(_start_again(run_id))


async def _start_again(run_id: UUID) -> None:
    async with prefect_client() as client:
        with prefect_errors():
            run = await client.read_flow_run(run_id)
            if reason := _goes_on_by_itself(run, datetime.now(UTC)):
                raise NothingToRetry(reason)
            await put_back(client, run_id, "Tried again at an operator's request.")


def _goes_on_by_itself(run: FlowRun, now: datetime) -> str | None:
    if run.state_type in {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}:
        return f"its run is {run.state_name}"
    due = run.state.state_details.scheduled_time if run.state else None
    if run.state_type is StateType.SCHEDULED and due and due <= now + _SOON:
        return "its run is about to start"
    return None
