"""From the bytes of a request to what it asks for, and, apart from that, to its credentials."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.acr.request import (
    AccessionInput,
    InferenceRequest,
    Input,
    Output,
    PatientInput,
    RequestedSource,
    ResourceName,
    ResourcesInput,
    SeriesSelection,
    StudiesInput,
    StudySelection,
)
from gateway.acr.rules import broken_rules, is_web, named_inputs
from gateway.acr.vocabulary import InputType, Interface
from gateway.acr.wire import SubmittedInput, SubmittedRequest, SubmittedResource, SubmittedSeries, bind
from gateway.credentials.authorization import Authorization, AuthType, RequestCredentials
from gateway.errors import InvalidRequest

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted request. Only `credentials` holds secrets."""

    request: InferenceRequest
    credentials: RequestCredentials = field(repr=False)


def read_submission(body: bytes, *, allow_credentials_over_http: bool) -> Submission:
    """Read a request. Raises UnreadableRequest or InvalidRequest, each with all its problems."""
    submitted = bind(body)
    problems = broken_rules(submitted, allow_credentials_over_http=allow_credentials_over_http)
    if problems:
        raise InvalidRequest(problems)
    return Submission(_request(submitted), _credentials(submitted))


def _request(submitted: SubmittedRequest) -> InferenceRequest:
    resources = submitted.input_resources or ()
    return InferenceRequest(
        transaction_id=submitted.transaction_id or "",
        priority=submitted.priority,
        workflows=(_workflow(resources),),
        sources=tuple(_sources(resources)),
        inputs=tuple(_input(place, each) for place, each in named_inputs(submitted)),
        outputs=tuple(_outputs(submitted.output_resources or ())),
    )


def _workflow(resources: Sequence[SubmittedResource]) -> str:
    """The id of the first algorithm."""
    algorithm = next(each for each in resources if each.interface is Interface.ALGORITHM)
    assert algorithm.connection_details
    return algorithm.connection_details.id or ""


def _sources(resources: Sequence[SubmittedResource]) -> Iterator[RequestedSource]:
    for number, resource in enumerate(resources):
        if resource.interface and resource.interface is not Interface.ALGORITHM:
            yield RequestedSource(number, resource.interface, url=_url(resource))


def _outputs(resources: Sequence[SubmittedResource]) -> Iterator[Output]:
    for number, resource in enumerate(resources):
        if resource.interface and is_web(resource):
            yield Output(number, resource.interface, _url(resource))


def _input(place: str, submitted: SubmittedInput) -> Input:
    """What an input names: each study, series and instance once.

    Accession numbers and resources stay in their places, by which reasons call them.
    """
    if submitted.type is InputType.DICOM_PATIENT_ID:
        return PatientInput(place, _stripped(submitted.patient_id))
    if submitted.type is InputType.ACCESSION_NUMBER:
        return AccessionInput(place, tuple(map(_stripped, submitted.accession_numbers or ())))
    if submitted.type is InputType.FHIR_RESOURCE:
        return ResourcesInput(place, _resources(submitted), submitted.fhir_format, submitted.fhir_version)
    return StudiesInput(place, _studies(submitted))


def _studies(submitted: SubmittedInput) -> tuple[StudySelection, ...]:
    return _once(
        StudySelection(_stripped(study.study_instance_uid), _once(map(_series, study.series or ())))
        for study in submitted.studies or ()
    )


def _series(submitted: SubmittedSeries) -> SeriesSelection:
    named = (uid for instances in submitted.instances or () for uid in instances.sop_instance_uids or ())
    return SeriesSelection(_stripped(submitted.series_instance_uid), _once(named))


def _resources(submitted: SubmittedInput) -> tuple[ResourceName, ...]:
    return tuple(
        ResourceName(_stripped(resource.resource_type), _stripped(resource.id) or None)
        for resource in submitted.resources or ()
    )


def _stripped(value: str | None) -> str:
    return (value or "").strip()


def _once(things: Iterable[_Thing]) -> tuple[_Thing, ...]:
    return tuple(dict.fromkeys(things))


def _url(resource: SubmittedResource) -> str:
    return resource.connection_details.uri or "" if resource.connection_details and is_web(resource) else ""


def _credentials(submitted: SubmittedRequest) -> RequestCredentials:
    return RequestCredentials(
        sources=dict(_authorizations(submitted.input_resources or ())),
        outputs=dict(_authorizations(submitted.output_resources or ())),
    )


def _authorizations(resources: Sequence[SubmittedResource]) -> Iterator[tuple[int, Authorization]]:
    for number, resource in enumerate(resources):
        details = resource.connection_details
        if is_web(resource) and details and details.auth_id and details.auth_type is not AuthType.NONE:
            yield number, Authorization(details.auth_type, details.auth_id.get_secret_value().strip())
