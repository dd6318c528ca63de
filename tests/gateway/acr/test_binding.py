"""A request is bound as MIG binds it: any letter case, numbers in strings; what can't be is told field by field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acr.request import INFERENCE_REQUEST
from gateway.acr.submission import Submission, read_submission
from gateway.acr.wire import bind
from gateway.errors import InvalidRequest, UnreadableRequest
from tests.gateway.acr.requests import as_body, inference_request, source

SECRET = "c2VjcmV0OnNlY3JldA=="

FULL = inference_request(
    {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": "1.2", "series": [{"SeriesInstanceUID": "1.2.3"}]}]},
    {"type": "DICOM_PATIENT_ID", "PatientID": "P 1"},
    {"type": "ACCESSION_NUMBER", "accessionNumber": ["A1", "A2"]},
    {
        "type": "FHIR_RESOURCE",
        "resources": [{"resourceType": "Patient", "id": "7"}],
        "fhirFormat": "Xml",
        "fhirVersion": "R4",
    },
    sources=[
        source("https://archive.hospital/dicom-web", auth_type="Basic", auth_id=SECRET),
        source("https://ehr.hospital/fhir/", interface="FHIR", auth_type="Bearer", auth_id=SECRET),
        {"interface": "DIMSE", "connectionDetails": {"operations": ["QUERY", "WADO Retrieve"]}},
    ],
)


def accepted(request: object) -> Submission:
    return read_submission(as_body(request), allow_credentials_over_http=False)


def problems(body: bytes) -> dict[str, tuple[str, ...]]:
    with pytest.raises(UnreadableRequest) as refused:
        bind(body)
    return dict(refused.value.problems)  # type: ignore[arg-type]  # sequences of text


def recased(value: Any, change: Any) -> Any:
    """The same request with every property's and every enumeration's name in another letter case."""
    if isinstance(value, list):
        return [recased(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    names = {"type", "interface", "authType", "operations", "fhirFormat", "fhirVersion"}
    return {
        change(name): _named(content, change) if name in names else recased(content, change)
        for name, content in value.items()
    }


def _named(value: Any, change: Any) -> Any:
    return [change(item) for item in value] if isinstance(value, list) else change(value)


@given(st.data())
def test_names_match_in_any_letter_case(data: st.DataObject) -> None:
    def change(name: str) -> str:
        upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
        return "".join(letter.upper() if up else letter.lower() for letter, up in zip(name, upper, strict=True))

    assert accepted(recased(FULL, change)) == accepted(FULL)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_accepted_or_refused_in_words(content: object) -> None:
    with pytest.raises((UnreadableRequest, InvalidRequest)):
        accepted(content)


@given(st.data())
def test_a_request_with_one_odd_value_is_accepted_or_refused_without_quoting_it(data: st.DataObject) -> None:
    """Put a mark in place of any value of a good request: wherever it is, no text holds it."""
    mark = data.draw(
        st.sampled_from(["SMITH^JOHN", "SMITH\0", "SMITH\ud800", ["SMITH"], {"SMITH": "SMITH"}, "SMITH,*"])
    )
    request = json.loads(json.dumps(FULL))
    algorithm = request["inputResources"][0]["connectionDetails"]
    place, name = data.draw(st.sampled_from(list(leaves(request))))
    place[name] = mark
    may_be_shown = place is algorithm or name == "uri"
    assert may_be_shown or "SMITH" not in told_of(request)


def told_of(request: object) -> str:
    """Every text that a request comes to."""
    try:
        return repr(accepted(request))
    except (UnreadableRequest, InvalidRequest) as refused:
        return f"{refused} {refused.problems} {refused!r}"


def leaves(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, content in items:
        yield value, name
        if isinstance(content, dict | list):
            yield from leaves(content)


@given(st.binary())
def test_any_bytes_are_refused_in_words(body: bytes) -> None:
    with pytest.raises((UnreadableRequest, InvalidRequest)):
        read_submission(body, allow_credentials_over_http=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"priority": NaN}',
        b'{"priority": Infinity}',
        b"[" * 100_000,
        b"1" * 10_000,
        b"{'a': 1}",
    ],
)
def test_what_is_no_json_is_told_as_such(body: bytes) -> None:
    assert problems(body) == {"$": ("not JSON in UTF-8",)}


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7"])
def test_what_is_no_object_is_told_as_such(body: bytes) -> None:
    assert problems(body) == {"$": ("not an object",)}


def test_every_field_that_cannot_be_bound_is_told_at_once() -> None:
    body = as_body(
        {
            "TRANSACTIONid": 7,
            "priority": 256,
            "inputMetadata": {"details": [], "inputs": [{"type": "DICOM", "fhirversion": "R9"}]},
            "inputResources": [{"interface": ""}, {"interface": "FHIR", "connectionDetails": {"authtype": "Digest"}}],
            "outputResources": "none",
        }
    )
    assert problems(body) == {
        "transactionID": ("not text",),
        "priority": ("above 255",),
        "inputMetadata.details": ("not an object",),
        "inputMetadata.inputs[0].type": ("not one of DICOM_UID, DICOM_PATIENT_ID, ACCESSION_NUMBER, FHIR_RESOURCE",),
        "inputMetadata.inputs[0].fhirVersion": ("not one of R1, R2, R3, R4",),
        "inputResources[0].interface": ("not one of Algorithm, DICOMweb, DIMSE, FHIR",),
        "inputResources[1].connectionDetails.authType": ("not one of None, Basic, Bearer",),
        "outputResources": ("not a list",),
    }


@pytest.mark.parametrize(("value", "priority"), [(0, 0), ("255", 255), (128, 128)])
def test_a_number_may_stand_in_a_string(value: object, priority: int) -> None:
    assert accepted(FULL | {"priority": value}).request.priority == priority


@pytest.mark.parametrize("value", [True, 1.5, "1.0", "", " 1", "+1", None, "٣", "9" * 5000, [1]])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    assert problems(as_body({"priority": value})) == {"priority": ("not a whole number",)}


@pytest.mark.parametrize("value", ["a\0b", "a\ud800"])
def test_text_that_cannot_be_stored_is_refused(value: str) -> None:
    assert list(problems(as_body({"transactionID": value}))) == ["transactionID"]


def test_of_names_that_differ_in_case_only_the_last_counts() -> None:
    request = bind(b'{"priority": 1, "PRIORITY": 2, "Priority": 3}')
    assert request.priority == 3


def test_properties_that_are_not_known_are_ignored() -> None:
    assert accepted(FULL | {"state": "Queued", "tryCount": "x", "\0": []}) == accepted(FULL)


def test_what_is_not_said_has_the_defaults_of_mig() -> None:
    request = inference_request(
        {"type": "fhir_resource", "resources": [{"resourceType": "Patient"}]},
        sources=[source("https://ehr/", interface="fhir")],
    )
    del request["priority"]
    read = accepted(request).request
    (resources,) = read.inputs
    assert (read.priority, resources.kind) == (128, "resources")
    assert resources.kind == "resources"
    assert (resources.format, resources.version) == ("Json", "R3")


def test_credentials_stand_apart_from_the_rest() -> None:
    submission = accepted(FULL)
    assert {number: (each.scheme, each.value) for number, each in submission.credentials.sources.items()} == {
        1: ("Basic", SECRET),
        2: ("Bearer", SECRET),
    }
    assert SECRET not in INFERENCE_REQUEST.dump_json(submission.request).decode()


def test_no_text_of_anything_shows_a_credential() -> None:
    submission = accepted(FULL)
    submitted = bind(as_body(FULL))
    for thing in (submission, submission.credentials, submission.credentials.sources[1], submitted):
        assert SECRET not in f"{thing!r} {thing}"


def test_no_text_of_a_request_shows_whom_it_is_about() -> None:
    shown = repr(accepted(FULL | {"transactionID": "SMITH"}).request)
    assert not any(told in shown for told in ("P 1", "A1", "'7'", "SMITH"))


def test_a_request_comes_back_from_the_database_as_it_went() -> None:
    request = accepted(FULL).request
    assert INFERENCE_REQUEST.validate_json(INFERENCE_REQUEST.dump_json(request)) == request
