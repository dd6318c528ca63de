"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable

_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], object], timeout_seconds: float, what: str) -> None:
    """Return as soon as `condition` holds. Raises TimeoutError, naming `what` was waited for."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_seconds:g} s in vain: {what}")
        time.sleep(_POLL_SECONDS)
