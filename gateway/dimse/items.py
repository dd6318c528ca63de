"""The items that A-ASSOCIATE PDUs consist of, and what they may say (PS3.8 section 9.3, PS3.7 annex D.3)."""

import struct
from collections.abc import Iterator
from enum import IntEnum

from gateway.dimse.connection import UnexpectedPdu

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
ONE_AT_A_TIME = 1  # operations, where none of the two speaks of a window (PS3.7 section D.3.3.3)
MOST_CONTEXTS = 128  # their ids are the odd numbers of one byte (PS3.8 section 9.3.2.2)

ACCEPTED, NO_ABSTRACT_SYNTAX, NO_TRANSFER_SYNTAX = 0, 3, 4
"""Results of a presentation context (PS3.8 table 9-18)."""

_HEADER = struct.Struct(">BxH")  # type, length of what follows


class ItemType(IntEnum):
    """PS3.8 table 9-12 and following, PS3.7 annex D.3.3."""

    APPLICATION_CONTEXT = 0x10
    PROPOSED_CONTEXT = 0x20
    ANSWERED_CONTEXT = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    OPERATIONS_WINDOW = 0x53
    IMPLEMENTATION_VERSION_NAME = 0x55


class ItemReader:
    """Reads items that may lie within others, and no more than `most` of them all: four bytes are enough for one."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def items(self, content: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Yield type and content of each. Raises UnexpectedPdu where that does not add up."""
        at, end = 0, len(content)
        while at < end:
            if at + _HEADER.size > end:
                raise UnexpectedPdu("an item of the association request is cut off", reason=6)
            kind, length = _HEADER.unpack_from(content, at)
            at += _HEADER.size
            if at + length > end:
                raise UnexpectedPdu(f"item {kind:02X}H of the association request is longer than its place", reason=6)
            self._left -= 1
            if self._left < 0:
                raise UnexpectedPdu(f"the association request has more than {self._most:,} items", reason=6)
            yield kind, content[at : at + length]
            at += length


def uid_in(content: memoryview) -> str:
    """Return a UID as the peer wrote it, without what it was padded with; it is not checked."""
    return bytes(content).strip(b"\0 ").decode("ascii", "replace")


def item(kind: ItemType, content: bytes) -> bytes:
    """Encode one item."""
    return _HEADER.pack(kind, len(content)) + content
