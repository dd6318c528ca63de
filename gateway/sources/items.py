"""What a source has of what it was asked for: what is to be fetched, by name."""

from dataclasses import dataclass
from typing import Literal

from gateway.fhir.names import FhirFormat, FhirVersion


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """An instance, known by name."""

    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class WantedStudy:
    """Instances of one study. `level` is the largest unit that may be asked for; the request names no more.

    `related_instances` is the source's NumberOfStudyRelatedInstances, where all of the study is wanted and it tells.
    `listed` tells that the source named the instances itself, and not the request.
    """

    study_instance_uid: str
    level: Literal["study", "series", "instances"]
    instances: tuple[ListedInstance, ...]
    listed: bool
    related_instances: int | None = None
    kind: Literal["study"] = "study"


@dataclass(frozen=True, slots=True)
class WantedResource:
    """A FHIR resource. `place` is where the request names it, for reasons: an id may be a patient's."""

    resource_type: str
    resource_id: str
    format: FhirFormat
    version: FhirVersion
    place: str
    kind: Literal["resource"] = "resource"

    @property
    def path(self) -> str:
        """The object's path below the payload's prefix."""
        return resource_path(self.resource_type, self.resource_id, self.format)


WantedItem = WantedStudy | WantedResource


def resource_path(resource_type: str, resource_id: str, form: FhirFormat) -> str:
    """Where a resource lies in a payload, whoever it comes from."""
    return f"ehr/{resource_type}/{resource_id}.{form.extension}"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one question. `remarks` are what a person should know of it, without patient data."""

    items: tuple[WantedItem, ...]
    remarks: tuple[str, ...] = ()
