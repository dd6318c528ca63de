"""What the manifest says of one instance."""

import os
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from gateway.dicom.identity import Identity
from gateway.dicom.part10 import FileMeta
from gateway.payloads.payload import DataService, Instance, Origin
from gateway.spool.area import INCOMING
from gateway.spool.preamble import Preamble


def instance_record(path: Path | str, preamble: Preamble, meta: FileMeta, identity: Identity) -> Instance:
    """Return the record of the committed file at `path`; its directory is named after its association."""
    _, association, name = os.fspath(path).rsplit(os.sep, 2)
    return Instance(
        file=f"{INCOMING}/{association}/{name}",
        sop_class_uid=identity.sop_class_uid,
        sop_instance_uid=identity.sop_instance_uid,
        study_instance_uid=identity.study_instance_uid,
        series_instance_uid=identity.series_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        modality=identity.modality,
        bytes=preamble.length_bytes,
        crc32c=preamble.crc32c,
        received_ns=preamble.received_ns,
        association=_association(association),
        origin=_origin(meta.calling_ae, meta.called_ae),
    )


# What is the same for all instances of an association is one object for all of them.
_association = lru_cache(maxsize=1024)(UUID)


@lru_cache(maxsize=1024)
def _origin(calling_ae: str, called_ae: str) -> Origin:
    return Origin(service=DataService.DIMSE, source=calling_ae, destination=called_ae)
