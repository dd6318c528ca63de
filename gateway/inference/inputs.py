"""What a request names to be fetched: each study, series and instance once.

Accession numbers and resources stay in their places, by which reasons call them.
"""

from collections.abc import Iterable
from typing import TypeVar

from gateway.inference.request import (
    AccessionInput,
    Input,
    PatientInput,
    ResourceName,
    ResourcesInput,
    SeriesSelection,
    StudiesInput,
    StudySelection,
)
from gateway.inference.vocabulary import InputType
from gateway.inference.wire import SubmittedInput, SubmittedSeries

_Thing = TypeVar("_Thing")


def accepted_input(place: str, submitted: SubmittedInput) -> Input:
    """Return what an input that keeps the rules names. `place` is its path in the request."""
    if submitted.type is InputType.DICOM_PATIENT_ID:
        return PatientInput(place, _text(submitted.patient_id))
    if submitted.type is InputType.ACCESSION_NUMBER:
        return AccessionInput(place, tuple(map(_text, submitted.accession_numbers or ())))
    if submitted.type is InputType.FHIR_RESOURCE:
        return ResourcesInput(place, _resources(submitted), submitted.fhir_format, submitted.fhir_version)
    return StudiesInput(place, _studies(submitted))


def _studies(submitted: SubmittedInput) -> tuple[StudySelection, ...]:
    return _once(
        StudySelection(_text(study.study_instance_uid), _once(map(_series, study.series or ())))
        for study in submitted.studies or ()
    )


def _series(submitted: SubmittedSeries) -> SeriesSelection:
    named = (uid for instances in submitted.instances or () for uid in instances.sop_instance_uids or ())
    return SeriesSelection(_text(submitted.series_instance_uid), _once(named))


def _resources(submitted: SubmittedInput) -> tuple[ResourceName, ...]:
    return tuple(
        ResourceName(_text(resource.resource_type), _text(resource.id) or None)
        for resource in submitted.resources or ()
    )


def _text(value: str | None) -> str:
    return (value or "").strip()


def _once(things: Iterable[_Thing]) -> tuple[_Thing, ...]:
    return tuple(dict.fromkeys(things))
