"""What is known of a file that was fetched whole. It lies in the working area as it came, byte for byte."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from gateway.fhir.names import FhirFormat
from gateway.payloads.payload import KeptLookups
from gateway.sources.items import resource_path


@dataclass(frozen=True, slots=True)
class FetchedInstance:
    """A Part 10 file. `source` is the index in `inputResources` of where it came from.

    `as_stored` is false where the archive would not give its own bytes, and may have transcoded them.
    """

    file: str  # relative to the area
    bytes: int
    crc32c: int  # of all of them, the preamble as it came
    fetched_ns: int  # since 1970, UTC
    source: int
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    modality: str
    as_stored: bool
    lookups: KeptLookups | None = None  # as those of a payload
    kind: Literal["instance"] = "instance"


@dataclass(frozen=True, slots=True)
class FetchedResource:
    """A FHIR resource, as the server wrote it."""

    file: str
    bytes: int
    crc32c: int
    fetched_ns: int
    source: int
    resource_type: str
    resource_id: str
    format: FhirFormat
    kind: Literal["resource"] = "resource"

    @property
    def path(self) -> str:
        """The object's path below the payload's prefix."""
        return resource_path(self.resource_type, self.resource_id, self.format)


Fetched = FetchedInstance | FetchedResource

FETCHED: TypeAdapter[Fetched] = TypeAdapter(Fetched)
