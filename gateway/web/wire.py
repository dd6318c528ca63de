"""A connected socket with a deadline, as http.client uses one.

http.client sends a body with one `sendall` under one timeout, and reads for ever from a peer that trickles. Here each
call has its own limit and all of them one deadline. It also tells whether an answer has begun while a body still goes
out: a peer that refuses early may never read the rest.
"""

import io
import re
import socket
import ssl
import time
from contextlib import suppress

from gateway.web.service import HttpTimeouts

_PIECE_BYTES = 65_536  # TLS takes no less than all of it within one limit
_SHORTEST_WAIT_SECONDS = 0.001  # zero would mean: do not wait at all
_FINAL_STATUS = re.compile(rb"HTTP/1\.[01] [2-9]")


class Wire(io.RawIOBase):
    """Takes over a connected socket, plain or TLS."""

    def __init__(self, connected: socket.socket, timeouts: HttpTimeouts, deadline: float) -> None:
        self._socket = connected
        self._send_seconds = timeouts.send_seconds
        self._answer_seconds = timeouts.answer_seconds
        self._deadline = deadline
        self._waits = True
        self._reader = io.BufferedReader(self)

    def sendall(self, data: bytes | memoryview) -> None:
        """Send all of `data`, as http.client asks. Raises OSError, TimeoutError among it."""
        left = memoryview(data)
        while left:
            self._socket.settimeout(self._at_most(self._send_seconds))
            left = left[self._socket.send(left[:_PIECE_BYTES]) :]

    def has_answered(self) -> bool:
        """Whether an answer has begun. An interim one (100 to 199) is none, nor is what TLS itself sends."""
        self._waits = False
        try:
            begun = self._reader.peek(1)
        finally:
            self._waits = True
        return _FINAL_STATUS.match(begun) is not None

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for what is still to come."""
        self._answer_seconds = min(seconds, self._answer_seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]  # typeshed asks for any buffer
        self._socket.settimeout(self._at_most(self._answer_seconds) if self._waits else 0)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            return self._socket.recv_into(buffer)
        return None

    def makefile(self, mode: str) -> io.BufferedIOBase:
        """What http.client reads the answer from."""
        return self._reader

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _at_most(self, seconds: float) -> float:
        return max(_SHORTEST_WAIT_SECONDS, min(seconds, self._deadline - time.monotonic()))
