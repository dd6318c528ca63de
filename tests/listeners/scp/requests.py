"""Association requests byte for byte, as odd devices and strangers send them (PS3.8 section 9.3.2)."""

import struct
from collections.abc import Sequence

from tests.listeners.scp.raw_peer import VERIFICATION

IMPLICIT_LITTLE = b"1.2.840.10008.1.2"
DICOM = b"1.2.840.10008.3.1.1.1"


def item(kind: int, content: bytes) -> bytes:
    """An item, or one that lies within another."""
    return struct.pack(">BxH", kind, len(content)) + content


def context(context_id: int = 1, abstract: bytes = VERIFICATION.encode(), *transfer: bytes) -> bytes:
    """A presentation context, by default Verification in Implicit VR Little Endian."""
    syntaxes = b"".join(item(0x40, each) for each in transfer or (IMPLICIT_LITTLE,))
    return item(0x20, bytes((context_id, 0, 0, 0)) + item(0x30, abstract) + syntaxes)


APPLICATION = item(0x10, DICOM)
USER = item(0x50, item(0x51, struct.pack(">I", 16_384)) + item(0x52, b"1.2.3.4"))


def body(
    items: Sequence[bytes] = (APPLICATION, context(), USER),
    *,
    called: bytes = b"MIG",
    calling: bytes = b"CT01",
    version: int = 1,
) -> bytes:
    """The content of an A-ASSOCIATE-RQ PDU; a title that is shorter than its field is padded with blanks."""
    return struct.pack(">H2x", version) + called.ljust(16) + calling.ljust(16) + bytes(32) + b"".join(items)


def largest() -> list[bytes]:
    """As many names as a request holds: each of them would have to be looked at, and said to be none."""
    return [APPLICATION, *(context(2 * n + 1, b"\1", *[b"\2"] * 390) for n in range(128)), USER]
