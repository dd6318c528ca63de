"""The 128 bytes before `DICM`, which PS3.10 leaves to the implementation: a file's own proof that it is whole.

They are written last. A file whose preamble verifies was received whole; one whose preamble is zero was never
committed to anybody.

    offset  bytes
         0      8  magic and version, "MIGSPL01"
         8      8  length of the file
        16      4  CRC-32C of the file with its preamble zeroed: the checksum of the bytes that are stored
        20     16  payload id
        36     16  digest of the group's key
        52      8  time of receipt, nanoseconds since 1970 UTC
       124      4  CRC-32C of the 124 bytes before
"""

import struct
from typing import NamedTuple
from uuid import UUID

from crc32c import crc32c

from gateway.dicom.part10 import PREAMBLE_BYTES

_NAME = b"MIGSPL"
_MAGIC = _NAME + b"01"
_FIELDS = struct.Struct("<8sQI16s16sQ")
_CHECK = struct.Struct("<I")
_ZEROS = bytes(PREAMBLE_BYTES)

CRC_OF_ZERO_PREAMBLE = crc32c(_ZEROS)
"""Where the checksum of a file begins: the zeroed preamble is part of what is stored."""


class Preamble(NamedTuple):
    """What a file's preamble says of it."""

    length_bytes: int
    crc32c: int
    payload_id: UUID
    key: bytes  # 16 bytes
    received_ns: int

    def encode(self) -> bytes:
        """Return the 128 bytes."""
        fields = _FIELDS.pack(_MAGIC, self.length_bytes, self.crc32c, self.payload_id.bytes, self.key, self.received_ns)
        padded = fields.ljust(PREAMBLE_BYTES - _CHECK.size, b"\0")
        return padded + _CHECK.pack(crc32c(padded))


def decode_preamble(raw: bytes) -> Preamble | None:
    """Return what a preamble says, or None where it is not one of ours or does not verify."""
    if len(raw) != PREAMBLE_BYTES or not raw.startswith(_MAGIC):
        return None
    checked = raw[: -_CHECK.size]
    if _CHECK.unpack(raw[-_CHECK.size :]) != (crc32c(checked),):
        return None
    _, length, checksum, payload_id, key, received_ns = _FIELDS.unpack_from(raw)
    return Preamble(length, checksum, UUID(bytes=payload_id), key, received_ns)


def is_from_newer_program(raw: bytes) -> bool:
    """Whether a file with this preamble was committed by a program that writes it in a later version."""
    number = raw[len(_NAME) : len(_MAGIC)]
    return raw.startswith(_NAME) and number.isdigit() and number > _MAGIC[len(_NAME) :]


def is_uncommitted(raw: bytes) -> bool:
    """Whether a file with this preamble was never answered: nothing written, or zeros only."""
    return not any(raw)
