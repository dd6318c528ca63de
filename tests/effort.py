"""How much work something is, told in what does not depend on the machine or on who else uses it."""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python run in this thread."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def bytes_at_most(work: Callable[[], object]) -> int:
    """How much memory Python has allocated for it at its height, beyond what it had before."""
    return _traced(work)[1]


def bytes_kept(work: Callable[[], object]) -> int:
    """How much memory Python has allocated for it that is still in use afterwards."""
    return _traced(work)[0]


def _traced(work: Callable[[], object]) -> tuple[int, int]:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        gc.collect()
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept - before, most - before
