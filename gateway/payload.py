"""A payload: the instances that belong together, and everything the later steps need to know of them.

It is written once, as the manifest, when its group closes; assemble, upload and notify read nothing else.
"""

from datetime import datetime
from enum import IntEnum
from typing import Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from gateway.artifact_type import artifact_type


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
    """One SOP instance as it lies on the spool.

    `crc32c` is that of the file with its 128-byte preamble zeroed: exactly the bytes that are stored.
    """

    file: str  # relative to the door's area of the spool
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    modality: str
    bytes: int
    crc32c: int
    received_ns: int  # since 1970, UTC
    association: UUID
    origin: Origin

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


class Superseded(_Record):
    """An instance that was sent again: not stored, since a later one with its SOP Instance UID stands."""

    instance: Instance
    identical: bool


ClosedBy = Literal["quiet", "max_open_seconds", "max_instances", "max_bytes"]


class Payload(_Record):
    """One closed group of instances: one event, one prefix in the object store."""

    version: Literal[1] = 1
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

    @property
    def correlation_id(self) -> UUID:
        """The association that brought the first instance, as MIG has it."""
        return self.instances[0].association

    @property
    def message_id(self) -> UUID:
        """The id of the payload's `md.workflow.request`: the same whenever it is announced again."""
        return uuid5(self.payload_id, "md.workflow.request")

    @property
    def bytes(self) -> int:
        """What its instances take in the object store, without their metadata."""
        return sum(instance.bytes for instance in self.instances)
