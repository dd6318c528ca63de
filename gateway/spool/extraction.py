"""An instance of the spool as a DICOM file of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from crc32c import crc32c

from gateway.errors import Damaged
from gateway.payloads.payload import Instance
from gateway.spool.door import Door
from gateway.spool.instance_reader import open_instance

_PIECE_BYTES = 1024 * 1024


def copy_instance(door: Door, instance: Instance, directory: Path) -> Path:
    """Copy an instance to `<SOP Instance UID>.dcm` in `directory`, with a zeroed preamble; return the file.

    A file that is there is replaced by a whole one, or stays as it is. Raises Damaged where the bytes are not those
    that were received. An instance of an open payload may have zeros behind it, which are none of its own.
    """
    target = directory / f"{instance.sop_instance_uid}.dcm"
    temporary = target.with_suffix(".part")
    with open_instance(door.root / instance.file) as source, temporary.open("wb") as copy:
        checksum = 0
        for piece in _pieces(source, instance.bytes):
            checksum = crc32c(piece, checksum)
            copy.write(piece)
    if checksum != instance.crc32c:
        temporary.unlink()
        raise Damaged(f"instance {instance.sop_instance_uid} can't be copied: it is not what was received")
    return temporary.replace(target)


def _pieces(source: BinaryIO, length_bytes: int) -> Iterator[bytes]:
    while length_bytes and (piece := source.read(min(length_bytes, _PIECE_BYTES))):
        length_bytes -= len(piece)
        yield piece
