"""How fast a sender has to be, and how much it may take of what all associations share.

The Standard lets fragments be of any size (PS3.8 annex E), and a message take any time. But who sends crumbs takes more
of the interpreter than all others together, and who trickles holds a study for ever.
"""

import threading
import time

from gateway.dimse.connection import PeerSlow, UnexpectedPdu

SMALL_BYTES = 1024
"""A shorter fragment costs more than it brings."""

MOST_EMPTY = 300
"""Fragments of one message, or PDUs, that carry nothing: some senders end a message with one."""

_AT_ONCE = 32  # small fragments that are taken in a row: some 0.1 ms
_PAUSE_SECONDS = 0.002


class Turns:
    """Where associations wait that send crumbs: all of them together have a small part of the interpreter."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def wait(self) -> None:
        """Give way to all others, one association after the other.

        To let go of the interpreter's lock would not do: whoever waits for it is not awake before it is taken again.
        """
        with self._turn:
            time.sleep(_PAUSE_SECONDS)


class Crumbs:
    """Counts the small fragments of one association since its last message that was answered."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._small = self._empty = 0

    def came(self, fragment_bytes: int) -> None:
        """A small fragment has come, or a PDU without any. Raises UnexpectedPdu where too many carry nothing."""
        self._small += 1
        if not fragment_bytes:
            self._empty += 1
            if self._empty > MOST_EMPTY:
                raise UnexpectedPdu(f"more than {MOST_EMPTY} fragments or PDUs carry nothing", reason=6)
        if self._small % _AT_ONCE == 0:
            self._turns.wait()

    def answered(self) -> None:
        """A message came to its end, and is answered: that is what fragments are for."""
        self._small = self._empty = 0


class SlowestRate:
    """Holds one association to a slowest rate while a message is on its way.

    What counts is how long the sender was waited for: what takes its time here is none of its doing.
    """

    def __init__(self, grace_seconds: float, bytes_per_second: int) -> None:
        self._grace_seconds = grace_seconds
        self._bytes_per_second = bytes_per_second
        self._message, self._waited_seconds, self._bytes = 0, 0.0, 0

    def came(self, message: int, count: int, waited_seconds: float) -> None:
        """So many bytes more have come for the message of this number. Raises PeerSlow."""
        if message != self._message:
            self._message, self._waited_seconds, self._bytes = message, 0.0, 0
        self._waited_seconds += waited_seconds
        self._bytes += count
        if self._waited_seconds > self._grace_seconds + self._bytes / self._bytes_per_second:
            raise PeerSlow(f"the peer sends less than {self._bytes_per_second:,} bytes of an instance in a second")
