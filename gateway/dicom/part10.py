"""The head of a Part 10 file: preamble, prefix and file meta information (PS3.10 section 7.1)."""

import struct
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gateway import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from gateway.errors import InvalidDataSet

PREAMBLE_BYTES = 128
PREFIX = b"DICM"

_HEADER_16 = struct.Struct("<HH2sH")
_HEADER_32 = struct.Struct("<HH2sHI")
_LONGEST_META_BYTES = 65_536

_BeforeAndAfter = tuple[bytes, bytes]


class FileMeta(NamedTuple):
    """What is known of an instance before its data set; it stays with the file as its provenance."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    called_ae: str


def encode_head(meta: FileMeta) -> bytes:
    """Return `DICM` and the meta group, in Explicit VR Little Endian: everything between preamble and data set."""
    before, after = _around_instance(meta.sop_class_uid, meta.transfer_syntax_uid, meta.calling_ae, meta.called_ae)
    elements = before + _element(0x0003, b"UI", meta.sop_instance_uid, b"\0") + after
    return PREFIX + _HEADER_16.pack(0x0002, 0x0000, b"UL", 4) + struct.pack("<I", len(elements)) + elements


@lru_cache(maxsize=1024)
def _around_instance(sop_class_uid: str, transfer_syntax_uid: str, calling_ae: str, called_ae: str) -> _BeforeAndAfter:
    """Return the elements before and after (0002,0003), which are the same for all instances of a series."""
    version = _HEADER_32.pack(0x0002, 0x0001, b"OB", 0, 2) + b"\0\1"
    return version + _element(0x0002, b"UI", sop_class_uid, b"\0"), b"".join(
        (
            _element(0x0010, b"UI", transfer_syntax_uid, b"\0"),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" "),
            _element(0x0017, b"AE", calling_ae, b" "),  # SendingApplicationEntityTitle
            _element(0x0018, b"AE", called_ae, b" "),  # ReceivingApplicationEntityTitle
        )
    )


def _element(number: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    value += padding * (len(value) % 2)
    return _HEADER_16.pack(0x0002, number, vr, len(value)) + value


def read_head(file: BinaryIO) -> FileMeta:
    """Read a file's meta group; the file then stands at its data set. Raises InvalidDataSet where there is none.

    AE titles are those of (0002,0017) and (0002,0018), empty in files that came from elsewhere.
    """
    file.seek(PREAMBLE_BYTES)
    if file.read(len(PREFIX)) != PREFIX:
        raise InvalidDataSet("not a DICOM Part 10 file: there is no DICM behind the preamble")
    values: dict[int, str] = {}
    while element := _read_element(file):
        values[element[0]] = element[1].decode("ascii", "replace").rstrip("\0 ")
        if file.tell() > _LONGEST_META_BYTES:
            raise InvalidDataSet("the file meta information does not end")
    return FileMeta(*(values.get(number, "") for number in (0x0002, 0x0003, 0x0010, 0x0017, 0x0018)))


def _read_element(file: BinaryIO) -> tuple[int, bytes] | None:
    """Read one element of group 0002; None, and the file stands before it, where another group begins."""
    start = file.tell()
    header = file.read(_HEADER_16.size)
    if len(header) < _HEADER_16.size or header[:2] != b"\2\0":
        file.seek(start)
        return None
    _, number, vr, length = _HEADER_16.unpack(header)
    if vr in {b"OB", b"UN", b"UT"}:
        (length,) = struct.unpack("<I", file.read(4).ljust(4, b"\0"))
    value = file.read(min(length, _LONGEST_META_BYTES))
    if len(value) != length:
        raise InvalidDataSet("the file meta information is cut off")
    return number, value


def data_set_offset(path: Path) -> int:
    """Return where the data set begins in a Part 10 file, in bytes."""
    with path.open("rb") as file:
        read_head(file)
        return file.tell()
