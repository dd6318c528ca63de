"""An inference request once it is accepted: what to fetch, from where, and for which workflows. It holds no credential.

Identifiers of patients are kept out of its text.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import TypeAdapter

from gateway.acr.vocabulary import InputType, Interface
from gateway.fhir.names import FhirFormat, FhirVersion


@dataclass(frozen=True, slots=True)
class RequestedSource:
    """A resource of `inputResources`, by its index there. Its `url` or the name of a registered archive says where."""

    number: int
    interface: Interface
    url: str = ""
    registered: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A resource of `outputResources`, by its index there."""

    number: int
    interface: Interface
    url: str


@dataclass(frozen=True, slots=True)
class SeriesSelection:
    """A series; all of it where no instance is named."""

    series_instance_uid: str
    sop_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StudySelection:
    """A study; all of it where no series is named."""

    study_instance_uid: str
    series: tuple[SeriesSelection, ...] = ()


@dataclass(frozen=True, slots=True)
class StudiesInput:
    """Studies by name. `place` is where the request says so, here and below."""

    type: ClassVar = InputType.DICOM_UID
    place: str
    studies: tuple[StudySelection, ...]
    kind: Literal["studies"] = "studies"


@dataclass(frozen=True, slots=True)
class PatientInput:
    """All studies of a patient."""

    type: ClassVar = InputType.DICOM_PATIENT_ID
    place: str
    patient_id: str = field(repr=False)
    kind: Literal["patient"] = "patient"


@dataclass(frozen=True, slots=True)
class AccessionInput:
    """All studies with these accession numbers."""

    type: ClassVar = InputType.ACCESSION_NUMBER
    place: str
    accession_numbers: tuple[str, ...] = field(repr=False)
    kind: Literal["accession"] = "accession"


@dataclass(frozen=True, slots=True)
class ResourceName:
    """A FHIR resource, or all of its type where it has no id."""

    resource_type: str
    resource_id: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResourcesInput:
    """FHIR resources, in the form and the version of FHIR that is asked for."""

    type: ClassVar = InputType.FHIR_RESOURCE
    place: str
    resources: tuple[ResourceName, ...]
    format: FhirFormat
    version: FhirVersion
    kind: Literal["resources"] = "resources"


Input = StudiesInput | PatientInput | AccessionInput | ResourcesInput


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What was accepted. `transaction_id` is the client's own text: it names nothing of ours (see `identity`)."""

    transaction_id: str = field(repr=False)
    priority: int
    workflows: tuple[str, ...]
    sources: tuple[RequestedSource, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...] = ()


INFERENCE_REQUEST: TypeAdapter[InferenceRequest] = TypeAdapter(InferenceRequest)
"""Turns one into JSON and back, for the database."""
