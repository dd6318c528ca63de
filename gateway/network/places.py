"""Who makes room for whom among the connections on which nothing is served: they cost whoever opens them nothing.

So they have few places, and hold none against others: a stranger, who calls from an address that nobody has named, has
some at a time, and whoever has waited longest makes room for who comes. A peer that has something to ask does so at
once, and is through before it could be its turn.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gateway.clock import Clock, SystemClock

OF_ONE_STRANGER = 4
CHANGE_SECONDS = 1.0
"""A stranger's connections are given so long; who comes too often is turned away, which costs less than a thread."""

_GAVE_WAY = "it gave way to others: too many connections ask for nothing"


class Breakable(Protocol):
    """A connection, as far as it matters here."""

    def break_off(self, reason: str) -> None:
        """End it, from any thread."""


class _Waiting(NamedTuple):
    connection: Breakable
    address: str
    is_stranger: bool
    since: float  # monotonic


class Unserved:
    """The connections on which nothing is served, the oldest first. Used by any thread."""

    def __init__(self, is_stranger: Callable[[str], bool], places: int, clock: Clock | None = None) -> None:
        self._is_stranger = is_stranger
        self._clock = clock or SystemClock()
        self._places = places
        self._lock = threading.Lock()
        self._here: dict[Breakable, _Waiting] = {}

    def enter(self, connection: Breakable, address: str) -> bool:
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

    def leave(self, connection: Breakable) -> None:
        """It is served, or over. Harmless twice."""
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
