"""What the end of a child means for its run, and how Prefect is told, however long it is away."""

import asyncio
import signal
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from deployments.worker.child import ChildExit
from deployments.worker.children import Child
from gateway.errors import NotInPrefect, PrefectUnavailable
from gateway.runs.api import PrefectApi
from gateway.runs.reading import read_run
from gateway.runs.run import StateType
from gateway.runs.states import forget_process, mark_cancelled, mark_crashed, put_back
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


async def settle(api: PrefectApi, run: RunInHand, at_once: asyncio.Event) -> None:
    """Tell Prefect how the run's child ended: until it listens, or once more only when `at_once` is set."""
    for delay_seconds in BackOff(0.5, 10).delays():
        last_try = at_once.is_set()
        try:
            await _tell(api, run)
        except PrefectUnavailable:
            if last_try:  # the next life of this worker finds the run and puts it back
                return
            await _pause(at_once, delay_seconds)
        except NotInPrefect:  # deleted meanwhile
            return
        else:
            return


async def _tell(api: PrefectApi, run: RunInHand) -> None:
    if run.ending is Ending.CANCELLED:
        await mark_cancelled(api, run.run_id, "Cancelled: its process was ended.")
    elif run.ending is Ending.CUT:
        await put_back(api, run.run_id, "The worker was stopped before the run was over; it starts again.")
    elif run.exit_code == ChildExit.WAITS:
        await forget_process(api, run.run_id)
        await _cancel_if_wanted(api, run.run_id)
    elif run.exit_code == ChildExit.PREFECT_AWAY:
        await put_back(api, run.run_id, "Prefect was away when the run was over; it is done again, which does no harm.")
    elif run.exit_code != ChildExit.ENDED:
        await mark_crashed(api, run.run_id, f"The run's process {_how_it_ended(run.exit_code or 0)}.")


async def _cancel_if_wanted(api: PrefectApi, run_id: UUID) -> None:
    """Cancelled while it still named its process, a waiting run would stay Cancelling: nobody's run any more."""
    if (await read_run(api, run_id)).state_type is StateType.CANCELLING:
        await mark_cancelled(api, run_id, "Cancelled: nothing was running it.")


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
