"""The rules of what a request names: MIG's, and those without which it could fetch what nobody asked for.

Each function yields problems as path and text. No text quotes a value.
"""

from collections.abc import Iterator, Sequence

from gateway.acr.vocabulary import InputType
from gateway.acr.wire import SubmittedFhirResource, SubmittedInput, SubmittedSeries, SubmittedStudy
from gateway.dicom.uid import is_uid
from gateway.fhir.names import is_fhir_id, is_fhir_type

BrokenRule = tuple[str, str]

# In a query `*` and `?` match anything, `,` and `\` make a list, and a blank value matches every study there is.
_PATTERN_CHARACTERS = frozenset("*?,\\")


def input_problems(path: str, each: SubmittedInput) -> Iterator[BrokenRule]:
    """Every problem of one input."""
    if each.type is None:
        yield f"{path}.type", "missing"
    elif each.type is InputType.DICOM_UID:
        yield from _studies(f"{path}.studies", each.studies or ())
    elif each.type is InputType.DICOM_PATIENT_ID:
        yield from _query_value(f"{path}.PatientID", each.patient_id)
    elif each.type is InputType.ACCESSION_NUMBER:
        if not each.accession_numbers:
            yield f"{path}.accessionNumber", "missing or empty"
        for index, number in enumerate(each.accession_numbers or ()):
            yield from _query_value(f"{path}.accessionNumber[{index}]", number)
    else:
        yield from _resources(f"{path}.resources", each.resources or ())


def _studies(path: str, studies: Sequence[SubmittedStudy]) -> Iterator[BrokenRule]:
    if not studies:
        yield path, "missing or empty"
    for index, study in enumerate(studies):
        yield from _uid(f"{path}[{index}].StudyInstanceUID", study.study_instance_uid)
        for number, series in enumerate(study.series or ()):
            yield from _series(f"{path}[{index}].series[{number}]", series)


def _series(path: str, series: SubmittedSeries) -> Iterator[BrokenRule]:
    yield from _uid(f"{path}.SeriesInstanceUID", series.series_instance_uid)
    for index, instances in enumerate(series.instances or ()):
        names = f"{path}.instances[{index}].SOPInstanceUID"
        if not instances.sop_instance_uids:
            yield names, "missing or empty"
        for number, uid in enumerate(instances.sop_instance_uids or ()):
            yield from _uid(f"{names}[{number}]", uid)


def _resources(path: str, resources: Sequence[SubmittedFhirResource]) -> Iterator[BrokenRule]:
    if not resources:
        yield path, "missing or empty"
    for index, resource in enumerate(resources):
        if not is_fhir_type((resource.resource_type or "").strip()):
            yield f"{path}[{index}].resourceType", "missing, or not the name of a FHIR resource type"
        if not is_blank(resource.id) and not is_fhir_id((resource.id or "").strip()):
            yield f"{path}[{index}].id", "not a FHIR id: up to 64 letters, digits, hyphens and dots"


def _query_value(path: str, value: str | None) -> Iterator[BrokenRule]:
    if is_blank(value):
        yield path, "missing or blank: an archive would take that for all there is"
    elif not (value or "").isprintable() or not _PATTERN_CHARACTERS.isdisjoint(value or ""):
        yield path, r"holds a character that makes a pattern or a list of it (* ? , \), or one that can't be printed"


def _uid(path: str, value: str | None) -> Iterator[BrokenRule]:
    if not is_uid(value or ""):
        yield path, "missing, or not a UID: up to 64 digits and dots"


def is_blank(value: str | None) -> bool:
    """Whether there is nothing but spaces."""
    return not (value or "").strip()
