"""How a run ends that waits for nothing: its state says what its log says, in our own words."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import structlog
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from gateway.wording import failure
from tasks.run_log import say, say_failed

P = ParamSpec("P")
FlowFunction = Callable[P, State[Any] | None]

_log = structlog.get_logger(__name__)


def failing_in_words(function: FlowFunction[P]) -> FlowFunction[P]:
    """Have no exception leave a flow: its run fails with what it says.

    Prefect shows the text of one that does, keeps it pickled on the disk, and the path of that as an artifact. The text
    of an exception that is not ours may quote what it was given, and so a patient.
    """

    @wraps(function)
    def carry_out(*arguments: P.args, **options: P.kwargs) -> State[Any] | None:
        try:
            return function(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a run
            _log.debug("run fails", exc_info=error)
            return failed(failure(error))

    return carry_out


def nothing_left(why: str) -> State[Any]:
    """Return the state of a run that had nothing, or nothing more, to do."""
    say(why)
    state: State[Any] = Completed(message=why)
    return state


def failed(reason: str) -> State[Any]:
    """Return the state of a run that can't go on before somebody acts."""
    say_failed(reason)
    state: State[Any] = Failed(message=reason)
    return state
