"""Who has a place: associations, of which there is a number, and connections on which none is accepted yet.

A connection costs whoever opens it nothing. So those that have not asked yet, or are being rejected, have few places,
and hold none against others: a stranger, who calls from an address that no source names, has some at a time, and
whoever has waited longest makes room for who comes. A scanner asks at once and is through before it could be its turn.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from gateway.clock import Clock, SystemClock
from gateway.dimse.connection import Connection

UNACCEPTED_AT_ONCE = 64
OF_ONE_STRANGER = 4
CHANGE_SECONDS = 1.0
"""A stranger's connections are given so long; who comes too often is turned away, which costs less than a thread."""

_GAVE_WAY = "it gave way to others: too many connections ask for nothing"


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


class _Waiting(NamedTuple):
    connection: Connection
    address: str
    is_stranger: bool
    since: float  # monotonic


class Unaccepted:
    """The connections on which no association is accepted yet, the oldest first. Used by any thread."""

    def __init__(
        self, is_stranger: Callable[[str], bool], places: int = UNACCEPTED_AT_ONCE, clock: Clock | None = None
    ) -> None:
        self._is_stranger = is_stranger
        self._clock = clock or SystemClock()
        self._places = places
        self._lock = threading.Lock()
        self._here: dict[Connection, _Waiting] = {}

    def enter(self, connection: Connection, address: str) -> bool:
        """Give a connection a place, and break off whoever makes room for it; False where nobody has to."""
        coming = _Waiting(connection, address, self._is_stranger(address), self._clock.monotonic())
        with self._lock:
            leaving = self._who_makes_room(coming)
            if leaving is coming:
                return False
            if leaving is not None:
                del self._here[leaving.connection]
            self._here[connection] = coming
        if leaving is not None:
            leaving.connection.break_off(_GAVE_WAY)
        return True

    def leave(self, connection: Connection) -> None:
        """It is accepted, or over. Harmless twice."""
        with self._lock:
            self._here.pop(connection, None)

    def held_by(self) -> str:
        """The address that holds most of the places, and how many: `10.1.0.99 holds 60`; "" where there are none."""
        with self._lock:
            counted = Counter(each.address for each in self._here.values())
        return next((f"{address} holds {count}" for address, count in counted.most_common(1)), "")

    def _who_makes_room(self, coming: _Waiting) -> _Waiting | None:
        """Who has to leave, if anybody: a stranger for himself, or strangers for all, or who holds most."""
        if coming.is_stranger:
            own = [each for each in self._here.values() if each.address == coming.address]
            if len(own) >= OF_ONE_STRANGER:
                return own[0] if coming.since - own[0].since >= CHANGE_SECONDS else coming
        if len(self._here) < self._places:
            return None
        strangers = (each for each in self._here.values() if each.is_stranger)
        return next(strangers, coming if coming.is_stranger else self._oldest_of_most())

    def _oldest_of_most(self) -> _Waiting:
        counted = Counter(each.address for each in self._here.values())
        return max(self._here.values(), key=lambda each: counted[each.address])
