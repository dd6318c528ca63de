"""A payload: the instances and resources that belong together, and everything the later steps need to know of them.

It is written once: as the manifest, when its group closes, or as the record of a retrieval, when all is fetched.
Assemble, upload and notify read nothing else.
"""

import json
from datetime import datetime
from enum import IntEnum
from typing import Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.lookup.digests import Lookup
from gateway.payloads.artifact_type import artifact_type
from gateway.versions import check_file_version


class DataService(IntEnum):
    """Over which standard data came; the numbers are those of `md.workflow.request`."""

    UNKNOWN = 0
    DIMSE = 1
    DICOM_WEB = 2
    FHIR = 3
    HL7 = 4
    ACR = 5


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(_Record):
    """Where data came from: for DIMSE the calling and the called AE title."""

    service: DataService
    source: str
    destination: str


class Instance(_Record):
    """One SOP instance as it lies on disk.

    `crc32c` is that of exactly the bytes that are stored: on the spool, of the file with its 128-byte preamble zeroed.
    """

    file: str  # relative to the root of its payload's files
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    modality: str
    bytes: int
    crc32c: int
    received_ns: int  # since 1970, UTC
    association: UUID  # or what stands for it: the correlation id of a retrieval
    origin: Origin

    @property
    def content_type(self) -> str:
        return "application/dicom"

    @property
    def path(self) -> str:
        """The object's path below the payload's prefix."""
        return f"dcm/{self.study_instance_uid}/{self.series_instance_uid}/{self.sop_instance_uid}.dcm"

    @property
    def metadata_path(self) -> str:
        """The path of the instance's DICOM JSON Model object (PS3.18 Annex F)."""
        return f"{self.path}.json"

    @property
    def artifact_type(self) -> int:
        """The instance's modality as `md.workflow.request` numbers it; 0 where it has no number."""
        return artifact_type(self.modality)


class Resource(_Record):
    """One FHIR resource, as the server wrote it."""

    file: str
    path: str  # of the object, below the payload's prefix
    content_type: str
    bytes: int
    crc32c: int
    received_ns: int
    origin: Origin


class Superseded(_Record):
    """An instance that was sent again: not stored, since a later one with its SOP Instance UID stands."""

    instance: Instance
    identical: bool


class KeptLookups(_Record):
    """What a payload is found by, and the fingerprint of the key that has made it."""

    key: str
    digests: tuple[Lookup, ...]


ClosedBy = Literal["quiet", "max_open_seconds", "max_instances", "max_bytes", "replaced", "operator", "retrieved"]


PAYLOAD_VERSION: Literal[2] = 2
"""Version 1 knew no `lookups`: a program that knows no other leaves later ones alone."""


class Payload(_Record):
    """One closed group of instances, or all that a request asked for: one event, one prefix in the object store."""

    version: Literal[1, 2] = PAYLOAD_VERSION
    payload_id: UUID
    node: UUID
    key: str  # digest of AE title, grouping value and source: equal for payloads of the same study at the same AE
    grouping: str
    workflows: tuple[str, ...]
    opened: datetime
    closed: datetime
    closed_by: ClosedBy
    supplements: UUID | None  # the payload of the same key that closed before this one
    instances: tuple[Instance, ...]
    superseded: tuple[Superseded, ...] = ()
    resources: tuple[Resource, ...] = ()
    correlation: UUID | None = None  # where it is not the first instance's association
    requested_by: Origin | None = None  # who asked for it, where it was not sent to us unasked
    partial: bool = False  # some of what was asked for could not be had
    lookups: KeptLookups | None = None  # None: nobody looked

    @property
    def correlation_id(self) -> UUID:
        """What ties the event to what caused it: the association that brought the first instance, as MIG has it."""
        return self.correlation or self.instances[0].association

    @property
    def origin(self) -> Origin:
        """Where it came from, in one: who asked for it, or who sent the first of it."""
        return self.requested_by or self.files[0].origin

    @property
    def files(self) -> tuple[Instance | Resource, ...]:
        """All that it consists of."""
        return (*self.instances, *self.resources)

    @property
    def message_id(self) -> UUID:
        """The id of the payload's `md.workflow.request`: the same whenever it is announced again."""
        return uuid5(self.payload_id, "md.workflow.request")

    @property
    def bytes(self) -> int:
        """What its instances take in the object store, without their metadata."""
        return sum(each.bytes for each in self.files)


def object_prefix(payload_id: UUID | str) -> str:
    """What the keys of all objects of a payload begin with."""
    return f"{payload_id}/"


def read_payload(content: bytes, what: str) -> Payload:
    """Read a payload's record, which is called `what`. Raises FromNewerProgram, and ValueError where it is none."""
    try:
        return Payload.model_validate_json(content)
    except ValidationError as error:
        check_file_version(what, version_of(content), PAYLOAD_VERSION)
        raise ValueError(f"{what} can't be read") from error


def version_of(content: bytes) -> int | None:
    """The version that a record names; None where it names none, or can't be read."""
    try:
        record = json.loads(content)
    except ValueError:
        return None
    version = record.get("version") if isinstance(record, dict) else None
    return version if isinstance(version, int) else None
