"""Inference requests at a site: from the POST to the event, with real archives. MIG's ACR scenarios are among them."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Cancelling

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from examples.ultrasound import write_ultrasound_clip
from gateway.inference.identity import correlation_id, request_id
from tests.certificates import Certificate, self_signed
from tests.gateway.acr.requests import Json, inference_request, source
from tests.gateway.dicomweb.faulty_archive import faulty_archive, hanging
from tests.gateway.dicomweb.faulty_archive import study as study_of_instances
from tests.gateway.retrieval.scene import study_of
from tests.peers import orthanc as orthanc_peer
from tests.peers import stunnel
from tests.peers.hapi_fhir import HapiFhir
from tests.peers.minio import MinIO
from tests.peers.orthanc import Orthanc
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.acr import Requests
from tests.site.site import Site, running_site
from tests.waiting import wait_until

pytestmark = pytest.mark.peers

CLIP = Examination(patient=701, study=1)
CT = Examination(patient=701, study=2)
GUARDED = Examination(patient=702)
USER = ("gateway", "s3cret")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    rabbitmq: RabbitMQ,
    minio: MinIO,
    toxiproxy: Toxiproxy,
    certificate: Certificate,
) -> Iterator[Site]:
    """A site that believes the archives' own certification authority."""
    directory, authority = tmp_path_factory.mktemp("site"), str(certificate.file)
    with running_site(directory, rabbitmq, minio, toxiproxy, MIG_INFERENCE__CA_FILE=authority) as site:
        yield site


@pytest.fixture
def requests(site: Site) -> Requests:
    return Requests(site)


@pytest.fixture(scope="module")
def archive(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Orthanc with an ultrasound study and a CT study of one patient; its DICOMweb address."""
    directory = tmp_path_factory.mktemp("studies")
    write_ultrasound_clip(directory / "clip.dcm", 2_000_000, examination=CLIP)
    for file in (directory / "clip.dcm", *write_study(made_ct_study(12, 64, 64, examination=CT), directory / "ct")):
        orthanc.file(file)
    return f"{orthanc.url}/dicom-web"


@pytest.mark.parametrize(
    ("transaction_id", "input_", "file_count"),
    [
        ("by study", {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": CLIP.study_instance_uid}]}, 1),
        ("by patient", {"type": "DICOM_PATIENT_ID", "PatientID": CLIP.patient_id}, 13),
        ("by accession number", {"type": "ACCESSION_NUMBER", "accessionNumber": ["MADE07010001"]}, 1),
    ],
)
def test_what_a_request_names_is_announced(
    site: Site, requests: Requests, archive: str, orthanc: Orthanc, transaction_id: str, input_: Json, file_count: int
) -> None:
    requests.submit(inference_request(input_, sources=[source(archive)], transaction_id=transaction_id))
    told = requests.wait_for(transaction_id, "completed")
    event = requests.event(transaction_id)
    request = request_id(transaction_id)
    assert (event["file_count"], event["workflows"]) == (file_count, ["lung-nodules"])
    assert event["correlation_id"] == str(correlation_id(request))
    assert event["trigger"] == {
        "dataService": 5,
        "source": f"ACR-{request.hex[:11]}",
        "destination": "ACR-DSI",
        "artifactType": event["trigger"]["artifactType"],
    }
    assert [origin["dataService"] for origin in event["data_origins"]] == [2]
    (only,) = told["sources"]
    assert (only["found"], only["fetched"], only["error"]) == (file_count, file_count, "")
    assert told["runUrl"].endswith(told["runId"])
    for entry in event["payload"]:
        assert stored_bytes(site, event, entry["path"]) == held_by(orthanc, entry["path"])
    for what_a_person_has in (
        {"study": CLIP.study_instance_uid},
        {"accession_number": "MADE07010001", "patient_id": CLIP.patient_id},
    ):
        payload = requests.found_payloads(what_a_person_has)[event["payload_id"]]
        assert (payload["instances"], payload["request_id"]) == (file_count, str(request))
        assert payload["announced"] >= payload["uploaded"] >= payload["last_received"]


def test_a_study_comes_with_credentials_over_tls(
    requests: Requests, site: Site, certificate: Certificate, tmp_path: Path
) -> None:
    pair = base64.b64encode(":".join(USER).encode()).decode()
    with (
        orthanc_peer.running(tmp_path / "guarded", "GUARDED", USER) as guarded,
        stunnel.running(tmp_path / "stunnel", int(guarded.url.rpartition(":")[2]), certificate) as port,
    ):
        for file in write_study(made_ct_study(6, 64, 64, examination=GUARDED), tmp_path / "ct"):
            httpx.post(f"{guarded.url}/instances", content=file.read_bytes(), auth=USER, trust_env=False)
        archive = source(f"https://127.0.0.1:{port}/dicom-web", auth_type="Basic", auth_id=pair)
        study = {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": GUARDED.study_instance_uid}]}
        transaction = requests.submit(inference_request(study, sources=[archive], transaction_id="guarded"))
        requests.wait_for(transaction, "completed")
    assert requests.event(transaction)["file_count"] == 6
    assert pair not in site.gateway.log


@pytest.mark.parametrize(("form", "extension"), [("Json", "json"), ("Xml", "xml")])
def test_images_and_resources_become_one_payload(
    requests: Requests, site: Site, archive: str, hapi_fhir: HapiFhir, form: str, extension: str
) -> None:
    hapi_fhir.put("Patient", "p-1", b'{"resourceType": "Patient", "id": "p-1", "active": true}')
    study = {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": CLIP.study_instance_uid}]}
    named = [{"resourceType": "Patient", "id": "p-1"}]
    resources = {"type": "FHIR_RESOURCE", "fhirFormat": form, "fhirVersion": "R4", "resources": named}
    sources = [source(archive), source(hapi_fhir.url, interface="FHIR")]
    transaction = requests.submit(inference_request(study, resources, sources=sources, transaction_id=f"both {form}"))
    told = requests.wait_for(transaction, "completed")
    event = requests.event(transaction)
    assert (event["file_count"], len(told["sources"])) == (2, 2)
    assert [origin["dataService"] for origin in event["data_origins"]] == [2, 3]
    (resource,) = [entry for entry in event["payload"] if entry["metadata"] == ""]
    assert resource["path"] == f"ehr/Patient/p-1.{extension}"
    as_it_is = hapi_fhir.get("Patient", "p-1", f"application/fhir+{extension}; fhirVersion=4.0")
    assert stored_bytes(site, event, resource["path"]) == as_it_is


def test_a_source_that_was_away_is_found_again_by_itself(
    requests: Requests, orthanc: Orthanc, archive: str, toxiproxy: Toxiproxy
) -> None:
    way = toxiproxy.new_proxy(int(orthanc.url.rpartition(":")[2]))
    way.cut()
    study = {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": CLIP.study_instance_uid}]}
    sources = [source(f"http://127.0.0.1:{way.port}/dicom-web")]
    transaction = requests.submit(inference_request(study, sources=sources, transaction_id="away"))
    told = requests.wait_for(transaction, "waiting")
    assert told["message"].startswith("Waits for a source: inputResources[1]: ")
    way.restore()
    requests.wait_for(transaction, "completed")
    assert requests.event(transaction)["file_count"] == 1
    released = "waited_for='the source http://127.0.0.1:"
    wait_until(lambda: released in requests.site.gateway.log, 10, "a word of the dispatcher")


def test_what_was_fetched_before_a_kill_is_not_fetched_again(requests: Requests, site: Site) -> None:
    with faulty_archive(*study_of_instances(series=1, instances=324), gives=[hanging(0.5)]) as archive:
        transaction = requests.submit(study_of(archive.url) | {"transactionID": "killed"})
        index = site.gateway.data_dir / f"retrieval/areas/{request_id(transaction)}/index"
        wait_until(lambda: index.exists() and index.read_bytes().count(b"\n") > 150, 90, "half of the study to come")
        site.gateway.server.kill()
        here = index.read_bytes().count(b"\n")
        archive.wado.clear()
        site.gateway.start()
        requests.wait_for(transaction, "completed", within_seconds=240)
        assert len(archive.wado) == 324 - here
    event = requests.event(transaction)
    assert event["file_count"] == 324
    assert {f"{event['payload_id']}/{entry['path']}" for entry in event["payload"]} <= site.stored_objects()


def test_a_request_whose_run_is_cancelled_is_cancelled(requests: Requests, site: Site) -> None:
    with faulty_archive(gives=[hanging(0.5)]) as archive:
        transaction = requests.submit(study_of(archive.url) | {"transactionID": "cancelled"})
        wait_until(lambda: archive.wado, 60, "it to fetch")
        run_id = UUID(requests.status(transaction)["runId"])
        with SyncPrefectClient(site.gateway.api_url) as client:
            client.set_flow_run_state(run_id, Cancelling())
        told = requests.wait_for(transaction, "cancelled")
    assert told["message"] == "its run was cancelled"


def stored_bytes(site: Site, event: Json, path: str) -> bytes:
    answer: Any = site.minio.client().get_object(site.bucket, f"{event['payload_id']}/{path}")
    with answer:
        content: bytes = answer.read()
    return content


def held_by(orthanc: Orthanc, path: str) -> bytes:
    (found,) = orthanc.find(Path(path).stem)
    return orthanc.ask("GET", f"/instances/{found}/file").content
