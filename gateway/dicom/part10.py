"""The head of a Part 10 file: preamble, prefix and file meta information (PS3.10 section 7.1)."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from gateway.errors import InvalidDataSet

PREAMBLE_BYTES = 128
PREFIX = b"DICM"

_HEADER_16 = struct.Struct("<HH2sH")
_HEADER_32 = struct.Struct("<HH2sHI")
_LONGEST_META_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What is known of an instance before its data set; it stays with the file as its provenance."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    called_ae: str


def encode_head(meta: FileMeta) -> bytes:
    """Return `DICM` and the meta group, in Explicit VR Little Endian: everything between preamble and data set."""
    elements = b"".join(
        (
            _HEADER_32.pack(0x0002, 0x0001, b"OB", 0, 2) + b"\0\1",
            _element(0x0002, b"UI", meta.sop_class_uid, b"\0"),
            _element(0x0003, b"UI", meta.sop_instance_uid, b"\0"),
            _element(0x0010, b"UI", meta.transfer_syntax_uid, b"\0"),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" "),
            _element(0x0017, b"AE", meta.calling_ae, b" "),  # SendingApplicationEntityTitle
            _element(0x0018, b"AE", meta.called_ae, b" "),  # ReceivingApplicationEntityTitle
        )
    )
    return PREFIX + _HEADER_16.pack(0x0002, 0x0000, b"UL", 4) + struct.pack("<I", len(elements)) + elements


def _element(number: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    value += padding * (len(value) % 2)
    return _HEADER_16.pack(0x0002, number, vr, len(value)) + value


def read_head(file: BinaryIO) -> FileMeta:
    """Read a file's meta group; the file then stands at its data set. Raises InvalidDataSet.

    Reads what `encode_head` writes: it serves the spool's own files, not those of others.
    """
    file.seek(PREAMBLE_BYTES)
    start = file.read(16)
    if len(start) < 16 or start[:4] != PREFIX or start[4:12] != _HEADER_16.pack(0x0002, 0x0000, b"UL", 4):
        raise InvalidDataSet("not a Part 10 file of this spool")
    (length,) = struct.unpack_from("<I", start, 12)
    group = file.read(length) if length <= _LONGEST_META_BYTES else b""
    if len(group) != length:
        raise InvalidDataSet("the file meta information is cut off")
    values = _values(group)
    return FileMeta(*(values.get(number, "") for number in (0x0002, 0x0003, 0x0010, 0x0017, 0x0018)))


def _values(group: bytes) -> dict[int, str]:
    values: dict[int, str] = {}
    at = 0
    while at + 8 <= len(group):
        _, number, vr, length = _HEADER_16.unpack_from(group, at)
        at += 8
        if vr == b"OB":
            (length,) = struct.unpack_from("<I", group, at)
            at += 4
        values[number] = group[at : at + length].decode("ascii", "replace").rstrip("\0 ")
        at += length
    return values


def data_set_offset(path: Path) -> int:
    """Return where the data set begins in a file of the spool, in bytes."""
    with path.open("rb") as file:
        read_head(file)
        return file.tell()
