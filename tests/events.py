"""Events for code that asks whether it should stop."""

import threading


class NeverStopping(threading.Event):
    """Nobody asks to stop."""
