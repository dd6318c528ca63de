"""What the queries of a request found: what has to be fetched, and from where."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from gateway.fhir.names import FhirFormat, FhirVersion
from gateway.inference.problem import Problem
from gateway.retrieval.fetched import resource_path


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """An instance, known by name."""

    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class WantedStudy:
    """Instances of one study. `level` is the largest unit that may be asked for; the request names no more.

    `promised` is the archive's NumberOfStudyRelatedInstances, where all of the study is wanted and it tells.
    `listed` tells that the archive named the instances itself, and not the request.
    """

    source: int
    study_instance_uid: str
    level: Literal["study", "series", "instances"]
    instances: tuple[ListedInstance, ...]
    listed: bool
    promised: int | None = None


@dataclass(frozen=True, slots=True)
class WantedResource:
    """A FHIR resource. `place` is where the request names it, for reasons: an id may be a patient's."""

    source: int
    resource_type: str
    resource_id: str
    format: FhirFormat
    version: FhirVersion
    place: str

    @property
    def path(self) -> str:
        """The object's path below the payload's prefix."""
        return resource_path(self.resource_type, self.resource_id, self.format)


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of it. `problems` are the queries that failed; `remarks` what a person should know of the others."""

    studies: tuple[WantedStudy, ...] = ()
    resources: tuple[WantedResource, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()


WANTED: TypeAdapter[Wanted] = TypeAdapter(Wanted)
