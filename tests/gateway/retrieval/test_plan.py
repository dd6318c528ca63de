"""What each pair of a source and an input means."""

from gateway.acr.submission import read_submission
from gateway.retrieval.plan import RetrievalPlan, plan_of
from tests.gateway.acr.requests import STUDY, Json, as_body, inference_request, source

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
