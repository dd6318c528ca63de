"""The tasks of an export: fetch its files, send them to each destination, report what became of them."""

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from gateway.exports.run import DestinationAway
from gateway.exports.settlement import Settlement
from tasks.exports import area_of, export_run
from tasks.node import node
from tasks.phase import phase
from tasks.retrying import trying_again_can_help
from tasks.run_log import say


def _trying_again_can_help(task: "Task[..., Any]", task_run: TaskRun, state: State[Any]) -> bool:
    """Not where the destination is known to be away: the dispatcher probes it, and ends the wait."""
    if isinstance(state.result(raise_on_failure=False), DestinationAway):
        return False
    return trying_again_can_help(task, task_run, state)


@phase("fetch", timeout_seconds=24 * 3600)
def fetch_files(export_id: str, fencing_token: int, positions: list[int]) -> None:
    """Fetch each file that a destination at one of these positions misses into the run's working area."""
    here, area = node(), area_of(export_id, fencing_token)
    run, reserve_bytes = export_run(export_id, fencing_token), here.settings.spool.reserve_bytes
    say(run.fetch(positions, here.object_store, area, reserve_bytes))


@phase("send", timeout_seconds=None, run_name="send to {label}", retry_condition=_trying_again_can_help)
def send_files(export_id: str, fencing_token: int, position: int, label: str) -> None:
    """Send what the destination at this position misses. Each outcome is kept before the next file is sent."""
    export_run(export_id, fencing_token).send(position, area_of(export_id, fencing_token))


@phase("report", timeout_seconds=120)
def report_export(export_id: str, fencing_token: int) -> Settlement:
    """Settle: the dispatcher publishes `md.export.complete`, which is kept in the same commit."""
    return export_run(export_id, fencing_token).settle()
