"""How a run ends that waits for nothing: its state says what its log says."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tasks.run_log import say, say_failed


def nothing_left(why: str) -> State[Any]:
    """Return the state of a run that had nothing, or nothing more, to do."""
    say(why)
    state: State[Any] = Completed(message=why)
    return state


def failed(reason: str) -> State[Any]:
    """Return the state of a run that was carried out to its end, without success."""
    say_failed(reason)
    state: State[Any] = Failed(message=reason)
    return state
