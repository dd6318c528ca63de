"""Send an export's files to one destination."""

from typing import Any

from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun

from gateway.exports.run import DestinationAway
from tasks.exports import area_of, export_run
from tasks.retrying import RETRIED, TaskOptions, trying_again_can_help


def _trying_again_can_help(task: "Task[..., Any]", task_run: TaskRun, state: State[Any]) -> bool:
    """Not where the destination is known to be away: the dispatcher probes it, and ends the wait."""
    if isinstance(state.result(raise_on_failure=False), DestinationAway):
        return False
    return trying_again_can_help(task, task_run, state)


_RETRIED = TaskOptions({**RETRIED, "retry_condition_fn": _trying_again_can_help})


@task(name="send", task_run_name="send to {label}", timeout_seconds=None, **_RETRIED)
def send_files(export_id: str, fencing_token: int, position: int, label: str) -> None:
    """Send what the destination at this position misses. Each outcome is kept before the next file is sent."""
    export_run(export_id, fencing_token).send(position, area_of(export_id, fencing_token))
