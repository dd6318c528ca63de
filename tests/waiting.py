"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.001, 0.02
_Seen = TypeVar("_Seen")


def wait_until(condition: Callable[[], _Seen], timeout_seconds: float, what: str) -> _Seen:
    """Return what `condition` returns as soon as that is true. Raises TimeoutError, naming `what` was waited for."""
    deadline = time.monotonic() + timeout_seconds
    poll_seconds = _FIRST_POLL_SECONDS
    while not (seen := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_seconds:g} s in vain: {what}")
        time.sleep(poll_seconds)
        poll_seconds = min(2 * poll_seconds, _LONGEST_POLL_SECONDS)
    return seen
