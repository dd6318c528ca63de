"""A payload made ready to be stored: its files verified, the DICOM JSON Model of every instance made.

The models lie together in `assembled/<payload id>.zip`, which is there whole or not at all, so that a repeated run
makes none of them again. Any tool opens it; an entry is named like the object that it becomes.
"""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import structlog
from crc32c import crc32c

from gateway.dicom.json_model import dicom_json, minimal_json
from gateway.dicom.part10 import PREAMBLE_BYTES
from gateway.errors import Damaged, InvalidDataSet
from gateway.payload import Instance, Payload
from gateway.spool.door import Door
from gateway.spool.preamble import CRC_OF_ZERO_PREAMBLE

log = structlog.get_logger(__name__)

_READ_BYTES = 4 * 1024 * 1024

Progress = Callable[[int], None]
"""Called with the number of bytes that were dealt with since the last call."""


def assemble(door: Door, payload: Payload, progress: Progress) -> None:
    """Verify every instance against the manifest and make its model. Raises Damaged, which names how many fail."""
    verify_files(door, payload, progress)
    target = door.assembled_file(payload.payload_id)
    if target.exists():
        return
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for instance in payload.instances:
                archive.writestr(instance.metadata_path, model_of(door, instance))
        file.flush()
        door.flushing.flush_file(file.fileno())
    temporary.rename(target)
    door.flushing.flush_directory(target.parent)


def verify_files(door: Door, payload: Payload, progress: Progress) -> None:
    """Read every file once and compare it with the manifest."""
    damaged = [
        instance.file for instance in payload.instances if not _is_whole(door.root / instance.file, instance, progress)
    ]
    if damaged:
        raise Damaged(
            f"{len(damaged)} of {len(payload.instances)} instances are not what was received, the first is "
            f"{damaged[0]}; `mig spool show {payload.payload_id}` lists all, and nothing was deleted"
        )


def model_of(door: Door, instance: Instance) -> bytes:
    """Return the DICOM JSON Model of an instance. One that can't be read is named in the log, and stops no study."""
    try:
        return dicom_json(door.root / instance.file)
    except InvalidDataSet as error:
        log.warning("instance stored with a minimal model", file=instance.file, reason=str(error))
        return minimal_json(instance)


def _is_whole(path: Path, instance: Instance, progress: Progress) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(PREAMBLE_BYTES)
            length, checksum = PREAMBLE_BYTES, CRC_OF_ZERO_PREAMBLE
            while piece := file.read(_READ_BYTES):
                length, checksum = length + len(piece), crc32c(piece, checksum)
                progress(len(piece))
    except FileNotFoundError:
        return False
    return (length, checksum) == (instance.bytes, instance.crc32c)
