"""An instance of the spool as a DICOM file of its own."""

from pathlib import Path

from gateway.disk.checksum import checksum_of
from gateway.errors import Damaged
from gateway.payloads.payload import Instance
from gateway.spool.area import SpoolArea
from gateway.spool.instance_reader import open_instance


def copy_instance(area: SpoolArea, instance: Instance, directory: Path) -> Path:
    """Copy an instance to `<SOP Instance UID>.dcm` in `directory`, with a zeroed preamble; return the file.

    A file that is there is replaced by a whole one, or stays as it is. Raises Damaged where the bytes are not those
    that were received. An instance of an open payload may have zeros behind it, which are none of its own.
    """
    target = directory / f"{instance.sop_instance_uid}.dcm"
    temporary = target.with_suffix(".part")
    with open_instance(area.root / instance.file) as source, temporary.open("wb") as copy:
        copied = checksum_of(source, seen=copy.write, most_bytes=instance.bytes)
    if copied != (instance.bytes, instance.crc32c):
        temporary.unlink()
        raise Damaged(f"instance {instance.sop_instance_uid} can't be copied: it is not what was received")
    return temporary.replace(target)
