"""What a task of ours is: a verb within a run, tried again where that can help, whose failure is told in our words.

Prefect shows, sends and keeps the text of an exception that leaves a task. That of one that is not ours may quote what
it was given: a patient, a credential.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from prefect import Task, task
from prefect.task_engine import TaskRunTimeoutError

from gateway.errors import GatewayError, Unforeseen
from gateway.wording import failure
from tasks.retrying import RETRIED, RetryCondition, trying_again_can_help

P = ParamSpec("P")
R = TypeVar("R")

_log = structlog.get_logger(__name__)


def phase(
    name: str,
    *,
    timeout_seconds: float | None,
    run_name: str | None = None,
    retry_condition: RetryCondition = trying_again_can_help,
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function the task `name`, called `run_name` in a run. What is not ours leaves it as Unforeseen."""
    options = RETRIED | {"retry_condition_fn": retry_condition}

    def declared(function: Callable[P, R]) -> Task[P, R]:
        return task(name=name, task_run_name=run_name or name, timeout_seconds=timeout_seconds, **options)(
            _in_our_words(function)
        )

    return declared


def _in_our_words(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def carry_out(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return function(*arguments, **options)
        except (GatewayError, TaskRunTimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost frame of a task
            _log.debug("task fails", exc_info=error)
            told = Unforeseen(failure(error))
        raise told  # outside of the handler: it has no context that could be shown with it

    return carry_out
