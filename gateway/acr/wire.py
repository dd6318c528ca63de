"""An ACR DSI inference request as it is sent, bound as MIG binds it.

Names of properties and of enumerations match in any letter case, numbers may stand in strings, properties that are
not known are ignored. What can't be bound is told field by field, and no value is ever quoted.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    Strict,
    ValidationError,
    model_validator,
)

from gateway.acr.vocabulary import InputType, Interface, Operation
from gateway.credentials.authorization import AuthType
from gateway.errors import UnreadableRequest
from gateway.fhir.names import FhirFormat, FhirVersion

_WHOLE = "$"  # the path of the request itself
_MOST_DIGITS = 20
_WORDS = {
    "string_type": "not text",
    "tuple_type": "not a list",
    "model_type": "not an object",
    "greater_than_equal": "below 0",
    "less_than_equal": "above 255",
}

_Name = TypeVar("_Name", bound=StrEnum)


def _named(kind: type[_Name]) -> BeforeValidator:
    """Reads a member of an enumeration by its name, in any letter case."""
    members = {member.value.lower(): member for member in kind}

    def read(value: object) -> object:
        found = members.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"not one of {', '.join(kind)}")
        return found

    return BeforeValidator(read)


def _whole_number(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():  # 199.0, which JSON does not tell from 199
        return int(value)
    raise ValueError("not a whole number")


def _storable(value: str) -> str:
    """Refuse what neither UTF-8 nor PostgreSQL can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("text that UTF-8 can't hold") from None
    if "\0" in value:
        raise ValueError("text with a NUL")
    return value


Text = Annotated[str, Strict(), AfterValidator(_storable)]
Priority = Annotated[int, Field(ge=0, le=255), BeforeValidator(_whole_number)]


class _Bound(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _match_names_in_any_case(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        names = {str(field.alias).lower(): field.alias for field in cls.model_fields.values()}
        return {names.get(name.lower(), name): content for name, content in value.items()}


class ConnectionDetails(_Bound):
    """Where a resource is and what lets us in; `name` and `id` are those of an algorithm."""

    name: Text | None = Field(None, alias="name")
    id: Text | None = Field(None, alias="id", description="of an Algorithm: the id of the workflow")
    uri: Text | None = Field(None, alias="uri", description="root of the DICOMweb or FHIR service")
    auth_type: Annotated[AuthType, _named(AuthType)] = Field(AuthType.NONE, alias="authType")
    auth_id: SecretStr | None = Field(None, alias="authID", description="what follows the scheme in the header")
    operations: tuple[Annotated[Operation, _named(Operation)], ...] | None = Field(None, alias="operations")


class SubmittedResource(_Bound):
    """A source, an output, or the algorithm."""

    interface: Annotated[Interface, _named(Interface)] | None = Field(None, alias="interface")
    connection_details: ConnectionDetails | None = Field(None, alias="connectionDetails")


class SubmittedInstances(_Bound):
    """Instances of a series."""

    sop_instance_uids: tuple[Text, ...] | None = Field(None, alias="SOPInstanceUID")


class SubmittedSeries(_Bound):
    """A series, or instances of it."""

    series_instance_uid: Text | None = Field(None, alias="SeriesInstanceUID")
    instances: tuple[SubmittedInstances, ...] | None = Field(None, alias="instances")


class SubmittedStudy(_Bound):
    """A study, or series of it."""

    study_instance_uid: Text | None = Field(None, alias="StudyInstanceUID")
    series: tuple[SubmittedSeries, ...] | None = Field(None, alias="series")


class SubmittedFhirResource(_Bound):
    """A FHIR resource, or all of its type where it has no id."""

    resource_type: Text | None = Field(None, alias="resourceType")
    id: Text | None = Field(None, alias="id")


class SubmittedInput(_Bound):
    """What is to be fetched; `type` says which of the properties counts."""

    type: Annotated[InputType, _named(InputType)] | None = Field(None, alias="type")
    studies: tuple[SubmittedStudy, ...] | None = Field(None, alias="studies")
    patient_id: Text | None = Field(None, alias="PatientID")
    accession_numbers: tuple[Text, ...] | None = Field(None, alias="accessionNumber")
    resources: tuple[SubmittedFhirResource, ...] | None = Field(None, alias="resources")
    fhir_format: Annotated[FhirFormat, _named(FhirFormat)] = Field(FhirFormat.JSON, alias="fhirFormat")
    fhir_version: Annotated[FhirVersion, _named(FhirVersion)] = Field(FhirVersion.R3, alias="fhirVersion")


class InputMetadata(_Bound):
    """The inputs; `details` is one more of them."""

    details: SubmittedInput | None = Field(None, alias="details")
    inputs: tuple[SubmittedInput, ...] | None = Field(None, alias="inputs")


class SubmittedRequest(_Bound):
    """An inference request of the ACR DSI."""

    transaction_id: Text | None = Field(None, alias="transactionID", description="unique; the client's own")
    priority: Priority = Field(128, alias="priority", description="255 at once, above 128 first, below 128 last")
    input_metadata: InputMetadata | None = Field(None, alias="inputMetadata")
    input_resources: tuple[SubmittedResource, ...] | None = Field(None, alias="inputResources")
    output_resources: tuple[SubmittedResource, ...] | None = Field(None, alias="outputResources")


def bind(body: bytes) -> SubmittedRequest:
    """Read the body of a request. Raises UnreadableRequest with every field that can't be bound."""
    try:
        content = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise UnreadableRequest({_WHOLE: ("not JSON in UTF-8",)}) from None
    try:
        return SubmittedRequest.model_validate(content)
    except ValidationError as error:
        raise UnreadableRequest(_problems(error)) from None


def _refuse(constant: str) -> object:
    raise ValueError("NaN and Infinity are not JSON")


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are in lower case: of names that differ in case only the last one counts, as in MIG."""
    return {name.lower(): value for name, value in pairs}


def _problems(error: ValidationError) -> dict[str, tuple[str, ...]]:
    found = defaultdict(list)
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        text = problem["msg"].removeprefix("Value error, ")
        found[_path(problem["loc"])].append(_WORDS.get(problem["type"], text))
    return {path: tuple(texts) for path, texts in found.items()}


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return path.removeprefix(".") or _WHOLE
