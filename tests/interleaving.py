"""Have something happen between two steps of a piece of work: at every look that it takes at the file system, in turn.

Python announces each opening, listing, renaming and removal by an audit event (PEP 578), whichever function asks for
it: so nothing of the work is pinned but that it looks.
"""

import sys
import threading
from collections.abc import Callable

_WATCHED = frozenset(("open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.rmdir", "os.link"))


class _Looks:
    """The hook, which can't be taken off again: it counts for one thread at a time, or for none."""

    def __init__(self) -> None:
        self._thread: int | None = None
        self._left = 0
        self._act: Callable[[], object] = int
        self._is_installed = False

    def at(self, number: int, act: Callable[[], object], work: Callable[[], object]) -> bool:
        """Do `work`, and `act` just before its look number `number`, from 1. False where it takes fewer looks."""
        if not self._is_installed:
            sys.addaudithook(self._look)
            self._is_installed = True
        self._thread, self._left, self._act = threading.get_ident(), number, act
        try:
            work()
        finally:
            self._thread = None
        return self._left <= 0

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in _WATCHED or self._thread != threading.get_ident():
            return
        self._left -= 1
        if self._left == 0:
            thread, self._thread = self._thread, None
            self._act()
            self._thread = thread


_looks = _Looks()


def at_look(number: int, act: Callable[[], object], work: Callable[[], object]) -> bool:
    """Do `work`, and `act` just before its look number `number`, from 1. False where it takes fewer looks."""
    return _looks.at(number, act, work)
