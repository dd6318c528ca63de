"""What the end of a child means for its run, and how Prefect is told, however long it is away."""

import asyncio
import signal
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType

from deployments.prefect_side.prefect_api import prefect_errors
from deployments.prefect_side.run_states import forget_process, mark_cancelled, mark_crashed, put_back
from deployments.worker.child import ChildExit
from deployments.worker.children import Child
from gateway.errors import NotInPrefect, PrefectUnavailable
from gateway.work.back_off import BackOff


class Ending(Enum):
    """Who ends a run's child."""

    ITSELF = "itself"
    CANCELLED = "cancelled"
    CUT = "cut"  # by a worker that may not wait any longer


@dataclass
class RunInHand:
    """A run that this worker has claimed, from before the claim until Prefect knows its end."""

    run_id: UUID
    child: Child | None = None
    ending: Ending = Ending.ITSELF
    exit_code: int | None = field(default=None, init=False)


async def settle(client: PrefectClient, run: RunInHand, at_once: asyncio.Event) -> None:
    """Tell Prefect how the run's child ended: until it listens, or once more only when `at_once` is set."""
    for delay_seconds in BackOff(0.5, 10).delays():
        last_try = at_once.is_set()
        try:
            with prefect_errors():
                await _tell(client, run)
        except PrefectUnavailable:
            if last_try:  # the next life of this worker finds the run and puts it back
                return
            await _pause(at_once, delay_seconds)
        except NotInPrefect:  # deleted meanwhile
            return
        else:
            return


async def _tell(client: PrefectClient, run: RunInHand) -> None:
    if run.ending is Ending.CANCELLED:
        await mark_cancelled(client, run.run_id, "Cancelled: its process was ended.")
    elif run.ending is Ending.CUT:
        await put_back(client, run.run_id, "The worker was stopped before the run was over; it starts again.")
    elif run.exit_code == ChildExit.WAITS:
        await forget_process(client, run.run_id)
        await _cancel_if_wanted(client, run.run_id)
    elif run.exit_code == ChildExit.PREFECT_AWAY:
        await put_back(
            client, run.run_id, "Prefect was away when the run was over; it is done again, which does no harm."
        )
    elif run.exit_code != ChildExit.ENDED:
        await mark_crashed(client, run.run_id, f"The run's process {_how_it_ended(run.exit_code or 0)}.")


async def _cancel_if_wanted(client: PrefectClient, run_id: UUID) -> None:
    """Cancelled while it still named its process, a waiting run would stay Cancelling: nobody's run any more."""
    if (await client.read_flow_run(run_id)).state_type is StateType.CANCELLING:
        await mark_cancelled(client, run_id, "Cancelled: nothing was running it.")


def _how_it_ended(exit_code: int) -> str:
    if exit_code == ChildExit.TERMINATED:
        return "was ended by SIGTERM"
    if exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


async def _pause(unless: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await unless.wait()
    except TimeoutError:
        return
