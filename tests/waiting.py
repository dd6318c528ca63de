"""Wait for a condition, not for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

_Seen = TypeVar("_Seen")


def until(condition: Callable[[], _Seen], seconds: float = 10, every_seconds: float = 0.01) -> _Seen:
    """Return what `condition` returns as soon as that is true; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"it did not come to that within {seconds} s"
        time.sleep(every_seconds)
    return seen
