"""Inference requests at a site: from the POST to the event, with real archives. MIG's ACR scenarios are among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from examples.ultrasound import write_ultrasound_clip
from gateway.inference.identity import correlation_id, payload_id, request_id
from tests.gateway.inference.requests import Json, inference_request, source
from tests.peers.minio import MinIO
from tests.peers.orthanc import Orthanc
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.site import Site, running_site
from tests.waiting import wait_until

pytestmark = pytest.mark.peers

CLIP = Examination(patient=701, study=1)
CT = Examination(patient=701, study=2)


@dataclass(frozen=True, slots=True)
class Requests:
    """A client of the site's API."""

    site: Site

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.gateway.http_port}/inference"

    def submit(self, request: Json) -> str:
        """Post a request and return its transaction id."""
        answer = httpx.post(self.url, json=request, trust_env=False, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["transactionId"])

    def status(self, transaction_id: str) -> Json:
        told: Json = httpx.get(f"{self.url}/status/{transaction_id}", trust_env=False, timeout=30).json()
        return told

    def wait_for(self, transaction_id: str, *states: str, within_seconds: float = 60) -> Json:
        wait_until(
            lambda: self.status(transaction_id)["state"] in states,
            within_seconds,
            f"the request to be {states}",
        )
        return self.status(transaction_id)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy
) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), rabbitmq, minio, toxiproxy) as site:
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


def event_of(site: Site, transaction_id: str) -> Json:
    """The one event of a request."""
    site.new_events(wait_seconds=2)
    wanted = str(payload_id(request_id(transaction_id)))
    (event,) = [event for event in site.events if event["payload_id"] == wanted]
    return event


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
    event = event_of(site, transaction_id)
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


def stored_bytes(site: Site, event: Json, path: str) -> bytes:
    answer: Any = site.minio.client().get_object(site.bucket, f"{event['payload_id']}/{path}")
    with answer:
        content: bytes = answer.read()
    return content


def held_by(orthanc: Orthanc, path: str) -> bytes:
    (found,) = orthanc.find(Path(path).stem)
    return orthanc.ask("GET", f"/instances/{found}/file").content
