"""What the manifest says of one instance."""

from pathlib import Path
from uuid import UUID

from gateway.dicom.identity import Identity
from gateway.dicom.part10 import FileMeta
from gateway.payload import DataService, Instance, Origin
from gateway.spool.door import Door
from gateway.spool.preamble import Preamble


def instance_record(door: Door, path: Path, preamble: Preamble, meta: FileMeta, identity: Identity) -> Instance:
    """Return the record of the promised file at `path`; its directory is named after its association."""
    return Instance(
        file=str(path.relative_to(door.root)),
        sop_class_uid=identity.sop_class_uid,
        sop_instance_uid=identity.sop_instance_uid,
        study_instance_uid=identity.study_instance_uid,
        series_instance_uid=identity.series_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        modality=identity.modality,
        bytes=preamble.length_bytes,
        crc32c=preamble.crc32c,
        received_ns=preamble.received_ns,
        association=UUID(path.parent.name),
        origin=Origin(service=DataService.DIMSE, source=meta.calling_ae, destination=meta.called_ae),
    )
