"""How many places there are: for associations, and for connections on which none is accepted, yet or at all."""

import threading

UNACCEPTED_AT_ONCE = 64


class Admission:
    """How many associations are accepted at once."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def enter(self) -> bool:
        """Take a place; False where none is left."""
        return self._places.acquire(blocking=False)

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()
