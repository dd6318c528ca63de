"""An instance of the spool as a DICOM file of its own."""

import shutil
from pathlib import Path

from gateway.instance_reader import open_instance
from gateway.payload import Instance
from gateway.spool.door import Door


def copy_instance(door: Door, instance: Instance, directory: Path) -> Path:
    """Copy an instance to `<SOP Instance UID>.dcm` in `directory`, with a zeroed preamble; return the file.

    A file that is there is replaced by a whole one, or stays as it is.
    """
    target = directory / f"{instance.sop_instance_uid}.dcm"
    temporary = target.with_suffix(".part")
    with open_instance(door.root / instance.file) as source, temporary.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1024 * 1024)
    return temporary.replace(target)
