"""What a source may be asked. Each kind of source serves some of these; a new question is one more class here."""

from dataclasses import dataclass, field
from typing import Literal

from gateway.fhir.names import FhirFormat, FhirVersion

StudyKey = Literal["StudyInstanceUID", "PatientID", "AccessionNumber"]


@dataclass(frozen=True, slots=True)
class StudyQuestion:
    """All studies whose `key` equals `value`, whole. `what` is how reasons call one: a value may name a patient."""

    key: StudyKey
    value: str = field(repr=False)
    what: str


@dataclass(frozen=True, slots=True)
class SeriesQuestion:
    """A series of a study; all of it where no instance is named."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceQuestion:
    """A FHIR resource, or all of its type where it has no id. `place` is how reasons call it."""

    resource_type: str
    resource_id: str | None = field(repr=False)
    format: FhirFormat
    version: FhirVersion
    place: str


Question = StudyQuestion | SeriesQuestion | ResourceQuestion
