"""PDUs off a socket and onto it, each within its deadline (PS3.8 section 9.3)."""

import contextlib
import math
import select
import socket
import struct
import time
from enum import IntEnum
from typing import Self

from gateway.network.connection_errors import reason

_HEADER = struct.Struct(">BxI")
_TIMEVAL = struct.Struct("@ll")  # seconds, microseconds; see socket(7)
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class PduType(IntEnum):
    """PS3.8 table 9-11 and following."""

    A_ASSOCIATE_RQ = 0x01
    A_ASSOCIATE_AC = 0x02
    A_ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    A_RELEASE_RQ = 0x05
    A_RELEASE_RP = 0x06
    A_ABORT = 0x07


_KNOWN = frozenset(PduType)
_READ_AHEAD_BYTES = 65_536
_SHORTEST_WAIT_SECONDS = 0.001  # zero would mean: do not wait at all


class ConnectionEnded(Exception):
    """The peer is gone, or too slow: nothing more can be read or said."""


class PeerClosed(ConnectionEnded):
    """The peer closed the connection, in order as far as TCP goes."""


class PeerSilent(ConnectionEnded):
    """The connection stands, but the peer sent nothing in time: it can still be told that this is the end."""


class PeerSlow(ConnectionEnded):
    """The peer stopped in the middle of what it sent, or of what it reads."""


class UnexpectedPdu(Exception):
    """Bytes that are no PDU, or one that may not come now. `reason` is that of A-ABORT (PS3.8 table 9-26)."""

    def __init__(self, text: str, reason: int) -> None:
        super().__init__(text)
        self.reason = reason


class Connection:
    """A connected socket that hands out whole PDUs from one buffer, used again for each.

    `longest_pdu_bytes` bounds what a peer can make us hold.
    """

    def __init__(self, connected: socket.socket, longest_pdu_bytes: int) -> None:
        self._socket = connected
        self._longest_bytes = longest_pdu_bytes
        self._buffer = bytearray(_HEADER.size + longest_pdu_bytes + _READ_AHEAD_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0  # what is received and not yet handed out
        # The kernel keeps the time of each wait: Python's own timeouts take two more system calls for every read.
        self._waits = {socket.SO_RCVTIMEO: 0.0, socket.SO_SNDTIMEO: 0.0}
        self.broken_off = ""  # why, where `break_off` was called
        connected.settimeout(None)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def to(cls, host: str, port: int, seconds: float, longest_pdu_bytes: int) -> Self:
        """Connect. Each address that the host's name has is tried for `seconds`. Raises OSError."""
        return cls(socket.create_connection((host, port), timeout=seconds), longest_pdu_bytes)

    def read_pdu(self, seconds: float, longest_bytes: int | None = None) -> tuple[int, memoryview]:
        """Return the type and the content of the next PDU; the content is valid until the next call.

        Waits `seconds` for its first byte, and as long again for its last. Raises ConnectionEnded, or UnexpectedPdu
        for an unknown type or a length over the bound, by default that of the connection.
        """
        self._wait_at_most(socket.SO_RCVTIMEO, seconds)
        self._fill(1, time.monotonic() + seconds)
        deadline = time.monotonic() + seconds
        self._fill(_HEADER.size, deadline)
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        if kind not in _KNOWN:
            raise UnexpectedPdu(f"PDU type {kind:#04x} is unknown", reason=1)
        if length > (longest_bytes or self._longest_bytes):
            raise UnexpectedPdu(f"a PDU of {length} bytes is longer than the maximum agreed on", reason=6)
        self._fill(_HEADER.size + length, deadline)
        content = self._start + _HEADER.size
        self._start = content + length
        return kind, self._view[content : self._start]

    @property
    def has_arrivals(self) -> bool:
        """Whether something waits to be read: bytes, the peer's end of the connection, or its breaking."""
        if self._start < self._end:
            return True
        arrivals = select.poll()
        arrivals.register(self._socket, select.POLLIN)
        return bool(arrivals.poll(0))

    def send(self, encoded: bytes | memoryview, seconds: float, deadline: float = math.inf) -> None:
        """Send all of `encoded`. Raises ConnectionEnded.

        The peer has `seconds` to make room for a little more each time, and until `deadline` (monotonic) for all.
        """
        left = memoryview(encoded)
        try:
            while left:
                self._wait_at_most(socket.SO_SNDTIMEO, min(seconds, deadline - time.monotonic()))
                left = left[self._socket.send(left) :]
        except BlockingIOError as error:
            slow = time.monotonic() >= deadline
            raise PeerSlow("the peer reads too slowly" if slow else "the peer stopped reading") from error
        except OSError as error:
            raise ConnectionEnded(f"the connection broke: {reason(error)}") from error

    def close(self, linger_seconds: float = 0.0) -> None:
        """Close. With `linger_seconds` the peer is given that long to close first, so that it reads what was sent."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + linger_seconds
            while (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv_into(self._view):
                    break
        self._socket.close()

    def reset(self) -> None:
        """Close at once, and throw away what is not sent yet: what the peer would take for the rest of a PDU."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def break_off(self, why: str) -> None:
        """Make a read that waits in another thread end at once, as if the peer had closed; `broken_off` says why."""
        self.broken_off = why
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _wait_at_most(self, option: int, seconds: float) -> None:
        seconds = max(seconds, _SHORTEST_WAIT_SECONDS)
        if seconds != self._waits[option]:
            self._waits[option] = seconds
            self._socket.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(*divmod(int(seconds * 1e6), 1_000_000)))

    def _fill(self, count: int, deadline: float) -> None:
        """Receive until `count` bytes wait to be handed out.

        A little is read ahead, so that small PDUs need one call each; the rest of a large one is read to its end
        and no further, so that nothing large is ever moved.
        """
        if self._start == self._end:
            self._start = self._end = 0
        while self._end - self._start < count:
            if self._start + max(count, _READ_AHEAD_BYTES) > len(self._buffer):
                self._move_to_front()
            end = self._start + max(count, _READ_AHEAD_BYTES)
            self._end += self._receive(self._view[self._end : end])
            if self._end - self._start < count and time.monotonic() > deadline:
                raise PeerSlow("the peer did not end its PDU in time")

    def _move_to_front(self) -> None:
        left = bytes(self._view[self._start : self._end])
        self._start, self._end = 0, len(left)
        self._view[: self._end] = left

    def _receive(self, into: memoryview) -> int:
        try:
            if _QUICK_ACK is not None:  # a sender with Nagle's algorithm on waits for each acknowledgement
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
            received = self._socket.recv_into(into)
        except BlockingIOError as error:
            raise PeerSilent("the peer sent nothing in time") from error
        except OSError as error:
            raise ConnectionEnded(f"the connection broke: {reason(error)}") from error
        if not received:
            raise PeerClosed("the peer closed the connection")
        return received
