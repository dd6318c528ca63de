"""A file's data set as P-DATA-TF PDUs: from disk to socket through one buffer, whatever the file's length.

The kernel reads each fragment to the place behind its headers (`preadv`), so that several PDUs are filled with one
call and leave with one. Nothing is decoded, nothing is copied in between.
"""

import os
from collections.abc import Iterator

from gateway.dimse.pdv import HEADER_BYTES, IS_LAST, PDV_HEADER_BYTES, encode_command_pdus, put_header

_BUFFER_BYTES = 1024 * 1024
_LARGEST_PDU_BYTES = 262_144  # also where the peer sets no limit
_MOST_FRAGMENTS = 512  # in one read: Linux takes 1024
_COMMAND_ROOM_BYTES = 4096  # a C-STORE-RQ with the longest UIDs, in the smallest fragments


class DataSetPdus:
    """Makes the PDUs of one message after another. What it yields is valid until the next step."""

    def __init__(self, peer_max_pdu_bytes: int) -> None:
        """`peer_max_pdu_bytes` is what the peer asked for, at least 8; 0 is no limit (PS3.8 section D.1)."""
        largest = min(peer_max_pdu_bytes or _LARGEST_PDU_BYTES, _LARGEST_PDU_BYTES)
        self._fragment_bytes = (largest - PDV_HEADER_BYTES) & ~1
        fitting = _BUFFER_BYTES // (HEADER_BYTES + self._fragment_bytes)
        self._at_once = max(1, min(fitting, _MOST_FRAGMENTS))
        room = _COMMAND_ROOM_BYTES + self._at_once * (HEADER_BYTES + self._fragment_bytes)
        self._buffer = bytearray(room)
        self._view = memoryview(self._buffer)

    def message(self, context_id: int, command: bytes, file: int, offset: int, length: int) -> Iterator[memoryview]:
        """Yield the PDUs of a command set and of the data set in an open `file`, several together.

        Raises EOFError where the file is shorter than it was, and OSError. A piece is always whole PDUs.
        """
        encoded = encode_command_pdus(context_id, command, self._fragment_bytes)
        self._buffer[: len(encoded)] = encoded
        at, end = len(encoded), offset + length
        while offset < end:
            places, filled = self._lay_out(at, context_id, end - offset)
            wanted = sum(map(len, places))
            if os.preadv(file, places, offset) != wanted:
                raise EOFError("it is shorter than it was")
            yield self._view[:filled]
            at, offset = 0, offset + wanted

    def _lay_out(self, at: int, context_id: int, left: int) -> tuple[list[memoryview], int]:
        """Write headers from `at` on, for as many fragments as go at once; return the places for them, and the end.

        Fragments are of even length (PS3.8 section E.1). A data set is too, but for a deflated one, which gets the
        padding that its writer owed it (PS3.5 section A.5): dcmtk aborts on an odd fragment.
        """
        places: list[memoryview] = []
        while left and len(places) < self._at_once:
            size = min(self._fragment_bytes, left)
            padding = size % 2
            put_header(self._buffer, at, context_id, IS_LAST if size == left else 0, size + padding)
            at += HEADER_BYTES
            places.append(self._view[at : at + size])
            at += size + padding
            self._buffer[at - padding : at] = bytes(padding)
            left -= size
        return places, at
