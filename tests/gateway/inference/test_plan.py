"""What each pair of a source and an input means, the ids of a request, and its class."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest, UnreadableRequest
from gateway.inference.identity import (
    PriorityClass,
    correlation_id,
    payload_id,
    priority_class,
    request_id,
    trigger_source,
)
from gateway.inference.submission import read_submission
from gateway.retrieval.plan import RetrievalPlan, plan_of
from tests.gateway.inference.requests import STUDY, Json, as_body, inference_request, source

PATIENT: Json = {"type": "DICOM_PATIENT_ID", "PatientID": "P1"}
RESOURCE: Json = {"type": "FHIR_RESOURCE", "resources": [{"resourceType": "Patient", "id": "1"}]}


def plan(*inputs: Json) -> RetrievalPlan:
    sources = [
        source("https://archive"),
        {"interface": "DIMSE"},
        source("https://ehr", interface="FHIR"),
    ]
    body = as_body(inference_request(*inputs, sources=sources))
    return plan_of(read_submission(body, allow_credentials_over_http=False).request)


def test_every_source_is_asked_for_every_input_that_it_serves() -> None:
    steps = plan(STUDY, PATIENT, RESOURCE).steps
    assert [(step.source.number, step.input.kind) for step in steps] == [
        (1, "studies"),
        (1, "patient"),
        (3, "resources"),
    ]


def test_pairs_that_mean_nothing_are_skipped_and_said_so() -> None:
    assert plan(STUDY, RESOURCE).skipped == (
        "inputResources[1] is skipped for inputMetadata.inputs[1]: DICOMweb does not serve this type of input",
        "inputResources[2] is skipped for inputMetadata.inputs[0]: retrieval by DIMSE is not supported",
        "inputResources[2] is skipped for inputMetadata.inputs[1]: retrieval by DIMSE is not supported",
        "inputResources[3] is skipped for inputMetadata.inputs[0]: FHIR does not serve this type of input",
    )


@given(st.text(), st.text())
def test_ids_are_the_same_whenever_they_are_made_and_different_for_each_transaction(one: str, other: str) -> None:
    assert request_id(one) == request_id(one)
    assert (request_id(one) == request_id(other)) == (one == other)


@given(st.text())
def test_the_ids_of_a_request_are_three_and_its_source_fits_into_an_event(transaction_id: str) -> None:
    request = request_id(transaction_id)
    assert len({request, payload_id(request), correlation_id(request)}) == 3
    assert 0 < len(trigger_source(request)) <= 15


def test_ids_stay_what_they_are_from_version_to_version() -> None:
    request = request_id("T-1")
    assert str(request) == "9f235b63-4472-543a-8300-eff21753ca1b"
    assert str(payload_id(request)) == "62dcf270-1ab6-5043-bff0-0069a720b956"
    assert trigger_source(request) == "ACR-9f235b63447"


@pytest.mark.parametrize(
    ("priority", "expected"),
    [(0, "lower"), (127, "lower"), (128, "normal"), (129, "higher"), (254, "higher"), (255, "immediate")],
)
def test_a_priority_has_one_of_four_classes(priority: int, expected: str) -> None:
    assert priority_class(priority) is PriorityClass(expected)


@pytest.mark.parametrize("error", [UnreadableRequest({"$": ("not an object",)}), InvalidRequest(["a: b"])])
def test_a_refusal_keeps_its_problems_on_its_way_between_processes(error: InvalidRequest | UnreadableRequest) -> None:
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.problems) == (str(error), error.problems)
