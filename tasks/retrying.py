"""The one layer that retries: every task (`tasks.phase`), for seconds, and only where trying again can help.

What lasts longer is waited for outside the worker's slots (`flows.waiting`): a run that has waited before tries twice
and waits again, so that a part that is away never fills the slots.
"""

from collections.abc import Callable
from typing import Any, TypedDict

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.settings import PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS

from gateway.errors import PeerUnavailable, TransientError

RetryCondition = Callable[["Task[..., Any]", TaskRun, State[Any]], bool]

_RETRY_DELAYS_SECONDS = [1.0, 2.0, 4.0, 8.0]


class TaskOptions(TypedDict):
    """Arguments of Prefect's task decorator."""

    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any
    cache_policy: Any
    persist_result: bool


def retry_delays_seconds(of_prefect: float | list[float] | None) -> list[float]:
    """Return how long each of four tries is waited for: as Prefect's setting says where it says anything."""
    if not of_prefect:
        return _RETRY_DELAYS_SECONDS
    told = of_prefect if isinstance(of_prefect, list) else [of_prefect]
    return [*told, *told[-1:] * len(_RETRY_DELAYS_SECONDS)][: len(_RETRY_DELAYS_SECONDS)]


_DELAYS_SECONDS = retry_delays_seconds(PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS.value())


def trying_again_can_help(task: "Task[..., Any]", task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a task that ended in `state` may do better at another try, within this run."""
    error = state.result(raise_on_failure=False)
    if not isinstance(error, TransientError) or _asked_for_more_time(error):
        return False
    return flow_run.run_count <= 1 or task_run.run_count <= 1


def _asked_for_more_time(error: TransientError) -> bool:
    """Whether a peer said when it wants to be asked again, and that is not within this run."""
    return isinstance(error, PeerUnavailable) and (error.retry_after_seconds or 0) > _DELAYS_SECONDS[0]


RETRIED = TaskOptions(
    retries=len(_DELAYS_SECONDS),
    retry_delay_seconds=_DELAYS_SECONDS,
    retry_jitter_factor=0.3,
    retry_condition_fn=trying_again_can_help,
    cache_policy=NO_CACHE,
    persist_result=False,
)
