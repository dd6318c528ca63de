"""How a run is put back, cancelled or declared crashed from outside."""

from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.states import AwaitingRetry, Cancelled, Crashed


async def put_back(client: PrefectClient, run_id: UUID, why: str) -> None:
    """Have a run picked up again at once, as one that waits and is due. Nothing of ours may be running it."""
    await client.set_flow_run_state(run_id, AwaitingRetry(scheduled_time=datetime.now(UTC), message=why))


async def mark_cancelled(client: PrefectClient, run_id: UUID, why: str) -> None:
    """End a run that is Cancelling. Only force does it: Prefect expects its own runner to."""
    await client.set_flow_run_state(run_id, Cancelled(message=why), force=True)


async def mark_crashed(client: PrefectClient, run_id: UUID, why: str) -> None:
    """Propose Crashed: refused, and rightly, where the run has ended or is Cancelling."""
    await client.set_flow_run_state(run_id, Crashed(message=why))


async def forget_process(client: PrefectClient, run_id: UUID) -> None:
    """Take the process off a run that waits: with one, Cancel would wait for somebody to end that process.

    By HTTP, since the client leaves out what is None.
    """
    await client.request("PATCH", "/flow_runs/{id}", path_params={"id": run_id}, json={"infrastructure_pid": None})
