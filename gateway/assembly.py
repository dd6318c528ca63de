"""A payload made ready to be stored: its files verified, the DICOM JSON Model of every instance made.

The models lie together in `assembled/<payload id>.zip`, which is there whole or not at all, so that a repeated run
makes none of them again. Any tool opens it; an entry is named like the object that it becomes.
"""

import os
import zipfile
from collections.abc import Callable

import structlog
from crc32c import crc32c

from gateway.dicom.json_model import dicom_json, minimal_json
from gateway.errors import Damaged, InvalidDataSet
from gateway.payload import Instance, Payload, Resource
from gateway.payload_place import PayloadPlace

log = structlog.get_logger(__name__)

_READ_BYTES = 4 * 1024 * 1024

Progress = Callable[[int], None]
"""Called with the number of bytes that were dealt with since the last call."""


def assemble(place: PayloadPlace, payload: Payload, progress: Progress) -> None:
    """Verify every instance against the manifest and make its model. Raises Damaged, which names how many fail."""
    verify_files(place, payload, progress)
    target = place.assembled_file(payload.payload_id)
    if target.exists():
        return
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for instance in payload.instances:
                archive.writestr(instance.metadata_path, model_of(place, instance))
        file.flush()
        place.flushing.flush_file(file.fileno())
    temporary.rename(target)
    place.flushing.flush_directory(target.parent)


def verify_files(place: PayloadPlace, payload: Payload, progress: Progress) -> None:
    """Read every file once and compare it with the payload's record."""
    damaged = [each.file for each in payload.files if not _is_whole(place, each, progress)]
    if damaged:
        raise Damaged(
            f"{len(damaged)} of {len(payload.files)} files are not what was received, the first is {damaged[0]}; "
            f"{place.advice(payload.payload_id)}"
        )


def model_of(place: PayloadPlace, instance: Instance) -> bytes:
    """Return the DICOM JSON Model of an instance. One that can't be read is named in the log, and stops no study."""
    try:
        return dicom_json(place.root / instance.file)
    except InvalidDataSet as error:
        log.warning("instance stored with a minimal model", file=instance.file, reason=str(error))
        return minimal_json(instance)


def _is_whole(place: PayloadPlace, each: Instance | Resource, progress: Progress) -> bool:
    try:
        with place.open(each.file) as file:
            length = checksum = 0
            while piece := file.read(_READ_BYTES):
                length, checksum = length + len(piece), crc32c(piece, checksum)
                progress(len(piece))
    except FileNotFoundError:
        return False
    return (length, checksum) == (each.bytes, each.crc32c)
