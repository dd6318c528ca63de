"""A run that is asked to end, by SIGTERM, finishes the file that is on its way and says goodbye to its peers."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = threading.Event()  # a run has a process of its own


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Within, SIGTERM sets STOPPING. To be entered inside the flow: Prefect sets its own handler when that starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: STOPPING.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
