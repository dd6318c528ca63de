"""A request has to keep MIG's rules, and those without which it could fetch what nobody asked for."""

import pickle
from typing import Any

import pytest

from gateway.acr.submission import Submission, read_submission
from gateway.errors import InvalidRequest, UnreadableRequest
from tests.gateway.acr.requests import ALGORITHM, STUDY, Json, as_body, inference_request, source

ARCHIVE = "https://archive.hospital/dicom-web"


def accepted(request: Json, *, over_http: bool = False) -> Submission:
    return read_submission(as_body(request), allow_credentials_over_http=over_http)


def problems(request: Json, *, over_http: bool = False) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        accepted(request, over_http=over_http)
    return list(refused.value.problems)


def an_input(**more: Any) -> Json:
    return inference_request(more)


def study(*series: Json, uid: str | None = "1.2") -> Json:
    return an_input(type="DICOM_UID", studies=[{"StudyInstanceUID": uid, "series": list(series)}])


def fhir(*resources: Json) -> Json:
    ehr = source("https://ehr.hospital/fhir", interface="FHIR")
    return inference_request({"type": "FHIR_RESOURCE", "resources": list(resources)}, sources=[ehr])


def test_a_request_that_keeps_the_rules_is_accepted() -> None:
    request = accepted(inference_request()).request
    assert (request.workflows, [each.number for each in request.sources]) == (("lung-nodules",), [1])


def test_an_empty_request_is_told_all_that_it_lacks() -> None:
    assert problems({}) == [
        "transactionID: missing or blank",
        "inputResources: no Algorithm among them",
        "inputResources: nothing but the Algorithm among them: there is no source to fetch from",
        "inputMetadata: missing, or without details and inputs",
    ]


@pytest.mark.parametrize("transaction_id", ["", "  ", None])
def test_a_transaction_needs_an_id(transaction_id: str | None) -> None:
    request = inference_request() | {"transactionID": transaction_id}
    assert problems(request) == ["transactionID: missing or blank"]


@pytest.mark.parametrize("transaction_id", ["a" * 256, "a\nb", "\x1b[31m", "a\u2028b"])
def test_the_id_of_a_transaction_is_bounded(transaction_id: str) -> None:
    (problem,) = problems(inference_request(transaction_id=transaction_id))
    assert problem == "transactionID: holds more than 255 characters, or one that can't be printed"


@pytest.mark.parametrize("transaction_id", ["T/../1", "ü 1", "a" * 255])
def test_any_text_that_can_be_printed_is_an_id(transaction_id: str) -> None:
    assert accepted(inference_request(transaction_id=transaction_id)).request.transaction_id == transaction_id


@pytest.mark.parametrize(
    ("algorithm", "problem"),
    [
        ({"interface": "Algorithm"}, "connectionDetails: missing: it names the algorithm"),
        (
            {"interface": "Algorithm", "connectionDetails": {"id": " "}},
            "connectionDetails.id: missing or blank: it is the id of the workflow",
        ),
    ],
)
def test_an_algorithm_needs_an_id(algorithm: Json, problem: str) -> None:
    request = inference_request() | {"inputResources": [source(ARCHIVE), algorithm]}
    assert problems(request) == [f"inputResources[1].{problem}"]


def test_of_several_algorithms_the_first_counts() -> None:
    request = inference_request() | {"inputResources": [source(ARCHIVE), ALGORITHM, {"interface": "Algorithm"}]}
    assert accepted(request).request.workflows == ("lung-nodules",)


def test_details_are_one_more_input_the_last() -> None:
    request = inference_request()
    request["inputMetadata"] = {"details": STUDY, "inputs": [{"type": "DICOM_PATIENT_ID", "PatientID": "P1"}]}
    places = [each.place for each in accepted(request).request.inputs]
    assert places == ["inputMetadata.inputs[0]", "inputMetadata.details"]


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (an_input(studies=[]), "type: missing"),
        (an_input(type="DICOM_UID"), "studies: missing or empty"),
        (study(uid=None), "studies[0].StudyInstanceUID: missing, or not a UID: up to 64 digits and dots"),
        (study(uid="1.2/../3"), "studies[0].StudyInstanceUID: missing, or not a UID: up to 64 digits and dots"),
        (study({}), "studies[0].series[0].SeriesInstanceUID: missing, or not a UID: up to 64 digits and dots"),
        (
            study({"SeriesInstanceUID": "1", "instances": [{}]}),
            "studies[0].series[0].instances[0].SOPInstanceUID: missing or empty",
        ),
        (
            study({"SeriesInstanceUID": "1", "instances": [{"SOPInstanceUID": ["1", "x"]}]}),
            "studies[0].series[0].instances[0].SOPInstanceUID[1]: missing, or not a UID: up to 64 digits and dots",
        ),
        (an_input(type="ACCESSION_NUMBER", accessionNumber=[]), "accessionNumber: missing or empty"),
        (fhir(), "resources: missing or empty"),
        (fhir({"id": "1"}), "resources[0].resourceType: missing, or not the name of a FHIR resource type"),
        (
            fhir({"resourceType": "//evil/Patient"}),
            "resources[0].resourceType: missing, or not the name of a FHIR resource type",
        ),
        (
            fhir({"resourceType": "Patient", "id": ".."}),
            "resources[0].id: not a FHIR id: up to 64 letters, digits, hyphens and dots",
        ),
        (
            fhir({"resourceType": "Patient", "id": "1?_format=xml"}),
            "resources[0].id: not a FHIR id: up to 64 letters, digits, hyphens and dots",
        ),
    ],
)
def test_an_input_names_what_is_to_be_fetched(request_: Json, problem: str) -> None:
    assert problems(request_) == [f"inputMetadata.inputs[0].{problem}"]


@pytest.mark.parametrize("value", ["", "   ", None])
def test_a_blank_value_would_fetch_the_whole_archive(value: str | None) -> None:
    blank = "missing or blank: an archive would take that for all there is"
    assert problems(an_input(type="DICOM_PATIENT_ID", PatientID=value)) == [
        f"inputMetadata.inputs[0].PatientID: {blank}"
    ]
    if value is not None:
        request = an_input(type="ACCESSION_NUMBER", accessionNumber=["A1", value])
        assert problems(request) == [f"inputMetadata.inputs[0].accessionNumber[1]: {blank}"]


@pytest.mark.parametrize("value", ["P*", "P?", "P1,P2", "P1\\P2", "*", "P\t1"])
def test_a_pattern_or_a_list_would_fetch_what_nobody_asked_for(value: str) -> None:
    for request in (
        an_input(type="DICOM_PATIENT_ID", PatientID=value),
        an_input(type="ACCESSION_NUMBER", accessionNumber=[value]),
    ):
        (problem,) = problems(request)
        assert "holds a character that makes a pattern or a list of it" in problem


@pytest.mark.parametrize("value", ["P-1 (old)", "MÜLLER^1", " P1 "])
def test_other_identifiers_are_taken_without_the_spaces_around_them(value: str) -> None:
    (patient,) = accepted(an_input(type="DICOM_PATIENT_ID", PatientID=value)).request.inputs
    assert patient.kind == "patient"
    assert patient.patient_id == value.strip()


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        (None, "not an absolute address of http or https"),
        ("archive/dicom-web", "not an absolute address of http or https"),
        ("ftp://archive", "not an absolute address of http or https"),
        ("https://", "not an absolute address of http or https"),
        ("https://archive:port", "not an absolute address of http or https"),
        ("https://archive:99999", "not an absolute address of http or https"),
        ("https://[::1", "not an absolute address of http or https"),
        ("https://user:password@archive", "holds credentials: they belong in authID"),
        ("https://archive/?patient=1", "holds a query or a fragment: it is the root of a service"),
        ("https://archive/#1", "holds a query or a fragment: it is the root of a service"),
        ("https://archive/a b", "holds characters that no address can, or too many"),
        ("https://archive\\@evil/", "holds characters that no address can, or too many"),
        ("https://archive/" + 3000 * "a", "holds characters that no address can, or too many"),
    ],
)
@pytest.mark.parametrize("interface", ["DICOMweb", "FHIR"])
def test_a_service_has_an_absolute_address_without_secrets(uri: str | None, text: str, interface: str) -> None:
    bad = source(uri, interface=interface)  # type: ignore[arg-type]  # a client may send null
    request = inference_request(sources=[source(ARCHIVE), bad]) | {"outputResources": [bad]}
    assert problems(request) == [
        f"inputResources[2].connectionDetails.uri: {text}",
        f"outputResources[0].connectionDetails.uri: {text}",
    ]


@pytest.mark.parametrize("uri", ["HTTPS://archive", "https://[::1]:8042/dicom-web/", "http://10.1.2.3:8042"])
def test_other_addresses_are_taken(uri: str) -> None:
    assert accepted(inference_request(sources=[source(uri)])).request.sources[0].url == uri


def test_a_source_without_its_details_can_never_be_asked() -> None:
    request = inference_request(sources=[{"interface": "DICOMweb"}])
    assert problems(request) == ["inputResources[1].connectionDetails: missing"]


@pytest.mark.parametrize("auth_id", [None, "", "  "])
def test_credentials_that_are_announced_have_to_be_there(auth_id: str | None) -> None:
    request = inference_request(sources=[source(ARCHIVE, auth_type="Basic", auth_id=auth_id)])
    assert problems(request) == [
        "inputResources[1].connectionDetails.authID: missing or blank, though authType asks for it"
    ]


@pytest.mark.parametrize("auth_id", ["a\r\nX-Evil: 1", "ä", "a" * 20_000])
def test_credentials_have_to_fit_into_a_header(auth_id: str) -> None:
    (problem,) = problems(inference_request(sources=[source(ARCHIVE, auth_type="Bearer", auth_id=auth_id)]))
    assert (
        problem == "inputResources[1].connectionDetails.authID: holds characters that no HTTP header can, or too many"
    )


def test_credentials_do_not_cross_the_network_in_the_clear_unless_the_site_wants_that() -> None:
    plain = source("http://archive", auth_type="Basic", auth_id="x")
    request = inference_request(sources=[plain]) | {"outputResources": [plain]}
    text = "connectionDetails.uri: credentials would cross the network in the clear: https is needed"
    assert problems(request) == [f"inputResources[1].{text}", f"outputResources[0].{text}"]
    assert len(accepted(request, over_http=True).credentials.outputs) == 1
    assert accepted(inference_request(sources=[source("http://archive")]))


def test_credentials_that_are_not_asked_for_are_not_kept() -> None:
    assert not accepted(inference_request(sources=[source(ARCHIVE, auth_id="x")])).credentials.sources


def test_a_request_that_no_source_can_serve_is_refused() -> None:
    request = inference_request(sources=[source("https://ehr", interface="FHIR")])
    assert problems(request) == ["inputResources: none of them serves any of the inputs"]


def test_all_problems_are_told_at_once_with_their_paths() -> None:
    request = inference_request(
        {"type": "DICOM_PATIENT_ID", "PatientID": "*"},
        {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": "x"}]},
        sources=[source("nowhere", auth_type="Bearer")],
        transaction_id="",
    )
    assert [problem.partition(": ")[0] for problem in problems(request)] == [
        "transactionID",
        "inputResources[1].connectionDetails.uri",
        "inputResources[1].connectionDetails.authID",
        "inputMetadata.inputs[0].PatientID",
        "inputMetadata.inputs[1].studies[0].StudyInstanceUID",
    ]


@pytest.mark.parametrize("error", [UnreadableRequest({"$": ("not an object",)}), InvalidRequest(["a: b"])])
def test_a_refusal_keeps_its_problems_on_its_way_between_processes(error: InvalidRequest | UnreadableRequest) -> None:
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.problems) == (str(error), error.problems)
