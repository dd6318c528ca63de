"""Where an instance belongs, and whether it is what its sender says: known as soon as its identifiers are."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from gateway.config import ApplicationEntitySettings
from gateway.dicom.identity import Identity, identify
from gateway.dicom.part10 import FileMeta
from gateway.errors import MismatchedDataSet

KEY_BYTES = 16


class Place(NamedTuple):
    """What an instance is, and the key of the group that it belongs to."""

    identity: Identity
    key: bytes


def place(values: Mapping[int, bytes], meta: FileMeta, entity: ApplicationEntitySettings) -> Place:
    """Return the place of an instance with these `values` of a HeaderScanner, which came with the command of `meta`.

    Raises InvalidDataSet, and MismatchedDataSet where it is another than the command says.
    """
    identity = identify(values, entity.grouping)
    if identity.sop_instance_uid != meta.sop_instance_uid:
        raise MismatchedDataSet("SOPInstanceUID is not that of the command")
    if identity.sop_class_uid != meta.sop_class_uid:
        raise MismatchedDataSet("SOPClassUID is not that of the command")
    source = meta.calling_ae if entity.group_by_source else None
    return Place(identity, group_key(entity.ae_title, entity.grouping, identity.grouping_value, source))


@lru_cache(maxsize=1024)  # every instance of a study asks for the same
def group_key(called_ae: str, grouping: str, value: bytes, calling_ae: str | None) -> bytes:
    """Return the 16-byte digest that names a group; it tells nothing of the patient."""
    parts = (called_ae.encode(), grouping.encode(), value, (calling_ae or "").encode())
    digest = blake2b(digest_size=KEY_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()
