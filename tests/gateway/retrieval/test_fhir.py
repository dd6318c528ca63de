"""FHIR resources come as the server writes them, from HAPI and from a server that leads elsewhere."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import GatewayError, PeerRefused, PeerUnavailable
from gateway.fhir.client import FhirClient
from gateway.fhir.names import FhirFormat, FhirVersion
from gateway.sources.outcome import RetrievalOutcome
from gateway.web.service import Service
from tests.fhir_examples import fhir_examples
from tests.gateway.acr.requests import Json, inference_request, source
from tests.gateway.dicomweb.raw_service import Behave, Conversation, RawService, answering, raw_service
from tests.gateway.retrieval.scene import Node
from tests.peers import hapi_fhir as hapi_peer
from tests.peers.hapi_fhir import HapiFhir
from tests.peers.ports import free_port

JSON, XML = "application/fhir+json", "application/fhir+xml"
NAME = "-".join(("SMITH", "1970"))  # nowhere in this file as one word: a traceback quotes its lines
EXAMPLES_OF = ("DiagnosticReport", "ImagingStudy", "Patient", "ServiceRequest")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "areas", answer_seconds=10)


@pytest.fixture(scope="module")
def with_examples(hapi_fhir: HapiFhir) -> HapiFhir:
    """HAPI with the examples of HL7."""
    for example in fhir_examples(*EXAMPLES_OF):
        hapi_fhir.put(example.resource_type, example.resource_id, example.content)
    return hapi_fhir


def resources(*names: str, **more: Any) -> Json:
    """An input that names resources, `Patient/1`, or all of a type, `Patient`."""
    pairs = [name.partition("/") for name in names]
    named = [{"resourceType": resource_type, "id": name or None} for resource_type, _, name in pairs]
    return {"type": "FHIR_RESOURCE", "resources": named, **more}


def from_server(url: str, input_: Json, **more: Any) -> Json:
    return inference_request(input_, sources=[source(url, interface="FHIR", **more)])


def error_of(outcome: RetrievalOutcome) -> GatewayError:
    error = outcome.error(allow_partial=False)
    assert error
    return error


@pytest.mark.parametrize(("form", "accept", "extension"), [("Json", JSON, "json"), ("Xml", XML, "xml")])
def test_the_examples_of_fhir_come_as_the_server_writes_them(
    node: Node, with_examples: HapiFhir, form: str, accept: str, extension: str
) -> None:
    examples = fhir_examples(*EXAMPLES_OF)
    names = [f"{example.resource_type}/{example.resource_id}" for example in examples]
    outcome = node.retrieve(from_server(with_examples.url, resources(*names, fhirFormat=form, fhirVersion="R4")))
    assert (outcome.error(allow_partial=False), outcome.fetched) == (None, len(examples))
    assert node.files() == {
        f"ehr/{each.resource_type}/{each.resource_id}.{extension}": with_examples.get(
            each.resource_type, each.resource_id, f"{accept}; fhirVersion=4.0"
        )
        for each in examples
    }


def test_all_of_a_type_come_over_several_pages_each_read_for_itself(node: Node, hapi_fhir: HapiFhir) -> None:
    for number in range(25):
        hapi_fhir.put("Condition", f"c{number}", as_json({"resourceType": "Condition", "id": f"c{number}"}))
    outcome = node.retrieve(from_server(hapi_fhir.url, resources("Condition", fhirFormat="xml")))
    assert (outcome.error(allow_partial=False), outcome.fetched) == (None, 25)
    assert node.files()["ehr/Condition/c7.xml"] == hapi_fhir.get("Condition", "c7", XML)


def test_a_second_try_reads_nothing_again(node: Node, hapi_fhir: HapiFhir) -> None:
    hapi_fhir.put("Organization", "o1", as_json({"resourceType": "Organization", "id": "o1"}))
    request = from_server(hapi_fhir.url, resources("Organization/o1", "Organization/o1"))
    node.retrieve(request)
    before = node.files()
    hapi_fhir.put("Organization", "o1", as_json({"resourceType": "Organization", "id": "o1", "name": "new"}))
    assert (node.retrieve(request, epoch=2).fetched, node.files(), node.progress) == (1, before, [1])


def test_what_is_not_there_any_more_or_never_was_is_final_and_not_named(node: Node, hapi_fhir: HapiFhir) -> None:
    hapi_fhir.put("Patient", "SMITH-1", as_json({"resourceType": "Patient", "id": "SMITH-1"}))
    hapi_fhir.delete("Patient", "SMITH-1")
    error = error_of(node.retrieve(from_server(hapi_fhir.url, resources("Patient/SMITH-1", "Patient/SMITH-2"))))
    assert isinstance(error, PeerRefused)
    place, says = "inputMetadata.inputs[0].resources", f"{hapi_fhir.url.removesuffix('/fhir')} has no such Patient"
    assert str(error).split("; ") == [
        f"inputResources[1]: {place}[0]: {says} (HTTP 410, processing)",
        f"inputResources[1]: {place}[1]: {says} (HTTP 404, processing)",
    ]
    assert "SMITH" not in "".join(traceback.format_exception(error))


def test_a_type_of_which_there_is_nothing_is_final(node: Node, hapi_fhir: HapiFhir) -> None:
    error = error_of(node.retrieve(from_server(hapi_fhir.url, resources("Binary"))))
    assert isinstance(error, PeerRefused)
    assert "has no Binary (inputMetadata.inputs[0].resources[0])" in str(error)


def test_a_type_that_the_server_does_not_know_is_final(node: Node, hapi_fhir: HapiFhir) -> None:
    error = error_of(node.retrieve(from_server(hapi_fhir.url, resources("Encounter"))))
    assert isinstance(error, PeerRefused)
    assert "knows no Encounter (HTTP 404" in str(error)


@pytest.mark.peers
@pytest.mark.parametrize(("auth_type", "auth_id"), [("Basic", "bWlnOnNlY3JldA=="), ("Bearer", "abc.def")])
def test_credentials_let_us_in_and_wrong_ones_are_final(
    node: Node, tmp_path: Path, auth_type: str, auth_id: str
) -> None:
    with hapi_peer.running(tmp_path, f"{auth_type} {auth_id}", types=["Patient"]) as guarded:
        guarded.put("Patient", "1", as_json({"resourceType": "Patient", "id": "1"}))
        request = from_server(guarded.url, resources("Patient/1"), auth_type=auth_type, auth_id="wrong")
        error = error_of(node.retrieve(request))
        assert isinstance(error, PeerRefused)
        assert str(error).endswith("does not accept the credentials (HTTP 401)")
        request = from_server(guarded.url, resources("Patient/1", "Patient"), auth_type=auth_type, auth_id=auth_id)
        assert node.retrieve(request, epoch=2).error(allow_partial=False) is None


def test_a_server_that_is_away_is_asked_once_and_waited_for(node: Node) -> None:
    error = error_of(node.retrieve(from_server(f"http://127.0.0.1:{free_port()}", resources("Patient", "Condition"))))
    assert isinstance(error, PeerUnavailable)
    assert str(error).count("connection refused") == 1


def test_a_probe_tells_whether_a_server_is_there(hapi_fhir: HapiFhir) -> None:
    with FhirClient(Service(hapi_fhir.url)) as client:
        client.probe()
    with FhirClient(Service(f"http://127.0.0.1:{free_port()}")) as client, pytest.raises(PeerUnavailable):
        client.probe()


def as_json(resource: object) -> bytes:
    return json.dumps(resource).encode()


def a_patient(name: str = "1") -> bytes:
    return as_json({"resourceType": "Patient", "id": name, "odd": True})


def bundle(*names: str, next_: str | None = None, **more: Any) -> bytes:
    entries = [{"resource": {"resourceType": "Patient", "id": name}} for name in names]
    links = [{"relation": "next", "url": next_}] if next_ else []
    return as_json({"resourceType": "Bundle", "entry": entries, "link": links, **more})


def server(*behaviours: Behave) -> Any:
    return raw_service(*behaviours)


def answer(body: bytes, status: int = 200, content_type: str = JSON, **headers: str) -> Behave:
    return answering(status, body, Content_Type=content_type, Connection="close", **headers)


def patient_from(node: Node, service: RawService, *names: str, **more: Any) -> RetrievalOutcome:
    return node.retrieve(from_server(service.url, resources(*(names or ("Patient/1",))), **more))


def test_each_version_and_form_is_asked_for_as_mig_does(node: Node) -> None:
    seen: list[str] = []

    def behave(conversation: Conversation) -> None:
        seen.append(conversation.headers["accept"])
        conversation.answer(404, Connection="close")

    with server(behave) as service:
        for version in ("R1", "R2", "R3", "R4"):
            node.retrieve(from_server(service.url, resources("Patient/1", fhirVersion=version, fhirFormat="Xml")))
        node.retrieve(from_server(service.url, resources("Patient/1")))
    expected = [f"{XML}; fhirVersion={number}" for number in ("0.0", "1.0", "3.0", "4.0")]
    assert seen == [*expected, f"{JSON}; fhirVersion=3.0"]


def test_a_resource_that_is_merely_odd_is_kept_as_it_is(node: Node) -> None:
    odd = b'\xef\xbb\xbf  {"id":"1", "resourceType" : "Patient","birthDate":"last year", "unknown": [null]}\n'
    with server(answer(odd)) as service:
        assert patient_from(node, service).error(allow_partial=False) is None
    assert node.files() == {"ehr/Patient/1.json": odd}


@pytest.mark.parametrize(
    "body",
    [
        b"<html>log in first</html>",
        b"",
        b"[]",
        b"[" * 100_000,
        as_json({"resourceType": "Patient", "id": "2"}),
        as_json({"resourceType": "OperationOutcome", "id": "1"}),
    ],
)
def test_what_is_another_resource_or_none_is_not_kept_under_this_name(node: Node, body: bytes) -> None:
    with server(answer(body)) as service:
        error = error_of(patient_from(node, service))
    assert isinstance(error, PeerRefused)
    assert "answers with something else than the Patient that was asked for" in str(error)
    assert node.files() == {}


@pytest.mark.parametrize(
    ("document", "is_kept"),
    [
        (b'<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"><id value="1"/><odd/></Patient>', True),
        (b'<f:Patient xmlns:f="http://hl7.org/fhir"><f:id value="1"/></f:Patient>', True),
        (
            b'<Patient xmlns="http://hl7.org/fhir"><contained><Patient><id value="1"/></Patient></contained></Patient>',
            False,
        ),
        (b'<Patient xmlns="http://example.org"><id value="1"/></Patient>', False),
        (b'<Patient xmlns="http://hl7.org/fhir"><id value="1"/>', False),
        (b'<!DOCTYPE a [<!ENTITY b "1">]><Patient xmlns="http://hl7.org/fhir"><id value="&b;"/></Patient>', False),
        (
            b'<?xml version="1.0" encoding="no-such"?><Patient xmlns="http://hl7.org/fhir"><id value="1"/></Patient>',
            False,
        ),
    ],
)
def test_a_resource_in_xml_is_known_by_its_name(node: Node, document: bytes, is_kept: bool) -> None:
    with server(answer(document, content_type=XML)) as service:
        node.retrieve(from_server(service.url, resources("Patient/1", fhirFormat="Xml")))
    assert node.files() == ({"ehr/Patient/1.xml": document} if is_kept else {})


def outcome_in_json(text: str) -> bytes:
    issues = [{"code": "forbidden", "diagnostics": text}, {"code": text}]
    return as_json({"resourceType": "OperationOutcome", "issue": issues})


def outcome_in_xml(text: str) -> bytes:
    issues = f'<code value="forbidden"/><diagnostics value="{text}"/></issue><issue><code value="{text}"/>'
    return f'<OperationOutcome xmlns="http://hl7.org/fhir"><issue>{issues}</issue></OperationOutcome>'.encode()


@pytest.mark.parametrize(("outcome", "content_type"), [(outcome_in_json, JSON), (outcome_in_xml, XML)])
def test_of_an_operation_outcome_only_the_codes_are_told(
    node: Node, outcome: Callable[[str], bytes], content_type: str
) -> None:
    with server(answer(outcome("John Smith has no access"), 403, content_type)) as service:
        error = error_of(patient_from(node, service))
    assert str(error).endswith("does not allow this with these credentials (HTTP 403, forbidden)")
    assert "Smith" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("status", "kind"), [(429, PeerUnavailable), (503, PeerUnavailable), (500, PeerUnavailable), (400, PeerRefused)]
)
def test_a_status_tells_whether_to_try_again(node: Node, status: int, kind: type[GatewayError]) -> None:
    with server(answer(b"", status, Retry_After="9")) as service:
        error = error_of(patient_from(node, service))
    assert isinstance(error, kind)
    assert not isinstance(error, PeerUnavailable) or error.retry_after_seconds == 9


def test_a_server_that_fails_every_time_is_left_alone_after_three(node: Node) -> None:
    with server(answer(b"", 500)) as service:
        patient_from(node, service, *(f"Patient/{number}" for number in range(10)))
    assert len(service.requests) == 3


@pytest.mark.parametrize("behave", [answer(b"", 404), answer(b"", 500), answer(b"<html>"), Conversation.reset])
def test_no_error_of_a_server_names_the_resource(behave: Behave) -> None:
    with server(behave) as service, FhirClient(Service(service.url)) as client, pytest.raises(GatewayError) as refused:
        client.read("Patient", NAME, FhirFormat.JSON, FhirVersion.R4)
    assert NAME not in "".join(traceback.format_exception(refused.value))


def test_a_resource_that_is_cut_off_is_not_kept_and_tried_again(node: Node) -> None:
    def cut(conversation: Conversation) -> None:
        conversation.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + a_patient())

    with server(cut) as service:
        error = error_of(patient_from(node, service))
    assert isinstance(error, PeerUnavailable)
    assert node.files() == {}


def test_a_resource_without_an_end_is_given_up(node: Node) -> None:
    def endless(conversation: Conversation) -> None:
        conversation.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conversation.socket.sendall(bytes(1 << 20))

    with server(endless) as service:
        error = error_of(patient_from(node, service))
    assert isinstance(error, PeerRefused)
    assert "answers with more than 67 MB" in str(error)


def test_a_next_page_at_another_host_is_not_followed(node: Node) -> None:
    with server(answer(bundle("9"))) as other, server(answer(bundle("1", next_=f"{other.url}?page=2"))) as service:
        error = error_of(patient_from(node, service, "Patient"))
    assert isinstance(error, PeerRefused)
    assert "continues its answer at another host or port" in str(error)
    assert other.requests == []


def test_a_redirect_to_another_port_carries_no_credentials(node: Node) -> None:
    seen: list[str | None] = []

    def elsewhere(conversation: Conversation) -> None:
        seen.append(conversation.headers.get("authorization"))
        conversation.answer(200, a_patient(), Connection="close")

    with server(elsewhere) as other, server(answer(b"", 302, Location=f"{other.url}/Patient/1")) as service:
        outcome = node.retrieve(from_server(service.url, resources("Patient/1"), auth_type="Bearer", auth_id="abc.def"))
    assert (outcome.error(allow_partial=False), seen) == (None, [None])


def test_pages_that_lead_in_a_circle_end(node: Node) -> None:
    def behave(conversation: Conversation) -> None:
        page = bundle("1", next_="Patient?page=2") if "?" in conversation.path else a_patient()
        conversation.answer(200, page, Connection="close")

    with server(behave) as service:
        assert patient_from(node, service, "Patient").fetched == 1
    assert len(service.requests) == 3


def test_a_search_that_finds_more_than_is_bearable_fails(tmp_path: Path) -> None:
    node = Node(tmp_path / "areas", max_resources=2)
    with server(answer(bundle("1", "2", "3"))) as service:
        error = error_of(patient_from(node, service, "Patient"))
    assert isinstance(error, PeerRefused)
    assert "finds more than 2 Patient, which is the bound" in str(error)


def test_of_a_page_only_what_was_searched_for_is_taken(node: Node) -> None:
    entries = [
        {"resource": {"resourceType": "Patient", "id": "1"}},
        {"resource": {"resourceType": "Organization", "id": "2"}},
        {"resource": {"resourceType": "Patient", "id": "../../evil"}},
        {"resource": {"resourceType": "Patient"}},
        {"search": {"mode": "outcome"}},
        None,
    ]
    with server(answer(bundle(entry=entries)), answer(a_patient())) as service:
        assert patient_from(node, service, "Patient").fetched == 1
    assert service.requests[1:] == ["GET /dicom-web/Patient/1"]


def test_the_same_name_at_two_servers_is_one_resource_only_if_it_is_byte_for_byte(node: Node) -> None:
    with server(answer(a_patient())) as one, server(answer(a_patient()), answer(a_patient() + b"\n")) as other:
        sources = [source(service.url, interface="FHIR") for service in (one, other)]
        request = inference_request(resources("Patient/1"), sources=sources)
        assert node.retrieve(request).error(allow_partial=False) is None
        error = error_of(node.retrieve(request, epoch=2))
    assert isinstance(error, PeerRefused)
    assert "has another Patient (inputMetadata.inputs[0].resources[0]) under the id that inputResources[1] has" in str(
        error
    )
    assert node.files() == {"ehr/Patient/1.json": a_patient()}
