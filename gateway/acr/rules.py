"""The rules that a request has to keep, all of them at once.

Each function yields a problem as path and text. No text quotes a value.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from gateway.acr.input_rules import BrokenRule, input_problems, is_blank
from gateway.acr.vocabulary import SERVES, Interface
from gateway.acr.wire import (
    ConnectionDetails,
    SubmittedInput,
    SubmittedRequest,
    SubmittedResource,
)
from gateway.credentials.authorization import AuthType

MOST_CHARACTERS = 255
"""Of a transaction id, and of a workflow's id."""

_LONGEST_CREDENTIAL = 16_384
_LONGEST_ADDRESS = 2048
_NO_ADDRESS = frozenset(' \\"<>')
_WEB = frozenset({Interface.DICOM_WEB, Interface.FHIR})


def broken_rules(request: SubmittedRequest, *, allow_credentials_over_http: bool) -> list[str]:
    """Return every problem, a sentence each."""
    problems = [
        *_transaction(request.transaction_id),
        *_algorithm(request.input_resources or ()),
        *_sources(request.input_resources or (), allow_credentials_over_http),
        *_inputs(request),
        *_outputs(request.output_resources or (), allow_credentials_over_http),
    ]
    return [f"{path}: {text}" for path, text in problems]


def named_inputs(request: SubmittedRequest) -> list[tuple[str, SubmittedInput]]:
    """The inputs with their paths: `details` is one of them, the last, as in MIG."""
    metadata = request.input_metadata
    if metadata is None:
        return []
    found = [(f"inputMetadata.inputs[{index}]", each) for index, each in enumerate(metadata.inputs or ())]
    return found + ([("inputMetadata.details", metadata.details)] if metadata.details else [])


def is_web(resource: SubmittedResource) -> bool:
    """Whether a resource is reached by HTTP."""
    return resource.interface in _WEB


def _transaction(transaction_id: str | None) -> Iterator[BrokenRule]:
    if is_blank(transaction_id):
        yield "transactionID", "missing or blank"
    else:
        yield from _bounded("transactionID", transaction_id or "")


def _algorithm(resources: Sequence[SubmittedResource]) -> Iterator[BrokenRule]:
    """Of several algorithms the first one counts, as in MIG."""
    for index, resource in enumerate(resources):
        if resource.interface is Interface.ALGORITHM:
            path = f"inputResources[{index}].connectionDetails"
            if resource.connection_details is None:
                yield path, "missing: it names the algorithm"
            elif is_blank(resource.connection_details.id):
                yield f"{path}.id", "missing or blank: it is the id of the workflow"
            else:
                yield from _bounded(f"{path}.id", resource.connection_details.id or "")
            return
    yield "inputResources", "no Algorithm among them"


def _sources(resources: Sequence[SubmittedResource], allow_http: bool) -> Iterator[BrokenRule]:
    if all(resource.interface is Interface.ALGORITHM for resource in resources):
        yield "inputResources", "nothing but the Algorithm among them: there is no source to fetch from"
    for index, resource in enumerate(resources):
        if resource.interface is None:
            yield f"inputResources[{index}].interface", "missing"
        yield from _connection(f"inputResources[{index}].connectionDetails", resource, allow_http)


def _outputs(resources: Sequence[SubmittedResource], allow_http: bool) -> Iterator[BrokenRule]:
    for index, resource in enumerate(resources):
        yield from _connection(f"outputResources[{index}].connectionDetails", resource, allow_http)


def _connection(path: str, resource: SubmittedResource, allow_http: bool) -> Iterator[BrokenRule]:
    if not is_web(resource):
        return
    details = resource.connection_details
    if details is None:
        yield path, "missing"
        return
    yield from _address(f"{path}.uri", details.uri)
    if details.auth_type is not AuthType.NONE:
        yield from _credential(f"{path}.authID", details)
        if _scheme(details.uri) == "http" and not allow_http:
            yield f"{path}.uri", "credentials would cross the network in the clear: https is needed"


def _address(path: str, uri: str | None) -> Iterator[BrokenRule]:
    """An absolute address of HTTP. What stands in it may be shown to operators, so it holds no credentials."""
    text = uri or ""
    if not text.isascii() or not text.isprintable() or not _NO_ADDRESS.isdisjoint(text) or len(text) > _LONGEST_ADDRESS:
        yield path, "holds characters that no address can, or too many"
    elif _scheme(text) not in {"http", "https"} or not _has_host(text):
        yield path, "not an absolute address of http or https"
    elif "@" in urlsplit(text).netloc:
        yield path, "holds credentials: they belong in authID"
    elif "?" in text or "#" in text:
        yield path, "holds a query or a fragment: it is the root of a service"


def _credential(path: str, details: ConnectionDetails) -> Iterator[BrokenRule]:
    secret = details.auth_id.get_secret_value() if details.auth_id else ""
    if not secret.strip():
        yield path, "missing or blank, though authType asks for it"
    elif not secret.isascii() or not secret.isprintable() or len(secret) > _LONGEST_CREDENTIAL:
        yield path, "holds characters that no HTTP header can, or too many"


def _inputs(request: SubmittedRequest) -> Iterator[BrokenRule]:
    inputs = named_inputs(request)
    if not inputs:
        yield "inputMetadata", "missing, or without details and inputs"
    for path, each in inputs:
        yield from input_problems(path, each)
    interfaces = {
        resource.interface for resource in request.input_resources or () if resource.interface and is_web(resource)
    }
    served = {type_ for interface in interfaces for type_ in SERVES[interface]}
    if inputs and interfaces and not any(each.type is None or each.type in served for _, each in inputs):
        yield "inputResources", "none of them serves any of the inputs"


def _bounded(path: str, value: str) -> Iterator[BrokenRule]:
    if len(value) > MOST_CHARACTERS or not value.isprintable():
        yield path, f"holds more than {MOST_CHARACTERS} characters, or one that can't be printed"


def _scheme(uri: str | None) -> str:
    return (uri or "").partition("://")[0].lower()


def _has_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, an IPv6 address without its bracket
        return False
