"""From the bytes of a request to what it asks for, and, apart from that, to its credentials."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.errors import InvalidRequest
from gateway.inference.credentials import Authorization, RequestCredentials
from gateway.inference.inputs import accepted_input
from gateway.inference.request import InferenceRequest, Output, Source
from gateway.inference.rules import broken_rules, is_web, named_inputs
from gateway.inference.vocabulary import AuthType, Interface
from gateway.inference.wire import SubmittedRequest, SubmittedResource, bind


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
        inputs=tuple(accepted_input(place, each) for place, each in named_inputs(submitted)),
        outputs=tuple(_outputs(submitted.output_resources or ())),
    )


def _workflow(resources: Sequence[SubmittedResource]) -> str:
    """The id of the first algorithm."""
    algorithm = next(each for each in resources if each.interface is Interface.ALGORITHM)
    assert algorithm.connection_details
    return algorithm.connection_details.id or ""


def _sources(resources: Sequence[SubmittedResource]) -> Iterator[Source]:
    for number, resource in enumerate(resources):
        if resource.interface and resource.interface is not Interface.ALGORITHM:
            yield Source(number, resource.interface, url=_url(resource))


def _outputs(resources: Sequence[SubmittedResource]) -> Iterator[Output]:
    for number, resource in enumerate(resources):
        if resource.interface and is_web(resource):
            yield Output(number, resource.interface, _url(resource))


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
