"""Fragments of messages, as they lie in P-DATA-TF PDUs (PS3.8 section 9.3.5 and annex E)."""

import struct
from collections.abc import Iterator

from gateway.dimse.connection import PduType, UnexpectedPdu

IS_COMMAND, IS_LAST = 0x01, 0x02

_PDV = struct.Struct(">IBB")  # length of what follows it, presentation context id, message control header
_PDU_AND_PDV = struct.Struct(">BxIIBB")
HEADER_BYTES = _PDU_AND_PDV.size
PDV_HEADER_BYTES = _PDV.size

Fragment = tuple[int, int, memoryview]
"""Presentation context id, message control header, and the bytes."""


def fragments(pdu: memoryview) -> Iterator[Fragment]:
    """Yield what the content of a P-DATA-TF PDU holds. Raises UnexpectedPdu where that does not add up."""
    at = 0
    while at < len(pdu):
        if at + _PDV.size > len(pdu):
            raise UnexpectedPdu("a PDV is cut off", reason=6)
        length, context_id, control = _PDV.unpack_from(pdu, at)
        end = at + 4 + length
        if length < 2 or end > len(pdu):
            raise UnexpectedPdu("a PDV is longer than its PDU", reason=6)
        yield context_id, control, pdu[at + _PDV.size : end]
        at = end


def put_header(buffer: bytearray, at: int, context_id: int, control: int, fragment_bytes: int) -> None:
    """Write at `at` the headers of a P-DATA-TF PDU that holds one fragment, which is to follow them."""
    _PDU_AND_PDV.pack_into(buffer, at, *_header(context_id, control, fragment_bytes))


def encode_command_pdus(context_id: int, encoded_command: bytes, fragment_bytes: int = 65_536) -> bytes:
    """Return the P-DATA-TF PDUs that bring a command set, in fragments of at most `fragment_bytes`."""
    pdus: list[bytes] = []
    for start in range(0, len(encoded_command), fragment_bytes):
        fragment = encoded_command[start : start + fragment_bytes]
        is_last = IS_LAST if start + fragment_bytes >= len(encoded_command) else 0
        pdus += _PDU_AND_PDV.pack(*_header(context_id, IS_COMMAND | is_last, len(fragment))), fragment
    return b"".join(pdus)


def _header(context_id: int, control: int, fragment_bytes: int) -> tuple[int, int, int, int, int]:
    length = fragment_bytes + 2
    return PduType.P_DATA_TF, length + 4, length, context_id, control
