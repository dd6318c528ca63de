"""Orthanc, as an archive: with credentials, with TLS before it, with every kind of object as it is stored there."""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples.ct_study import made_ct_study
from examples.made_study import FIRST, Examination, write_study
from examples.mr_study import made_mr_study
from gateway.dicomweb.archive import Archive
from gateway.dicomweb.search import probe
from gateway.errors import PeerRefused, PeerUnavailable
from gateway.web.service import Service
from tests.certificates import Certificate, self_signed
from tests.gateway.acr.requests import Json, inference_request, source
from tests.gateway.retrieval.scene import Node, study_of
from tests.peers import orthanc as orthanc_peer
from tests.peers import stunnel
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port
from tests.studies import Sample, sample_of_each_transfer_syntax

pytestmark = pytest.mark.peers

PATIENT = Examination(patient=601, study=1)
OTHER_STUDY = Examination(patient=601, study=2)
USER = ("mig", "s3cret: ü")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "areas")


@pytest.fixture(scope="module")
def filed(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Two studies of one patient, at Orthanc; their files by Study Instance UID."""
    directory = tmp_path_factory.mktemp("studies")
    studies = {}
    for examination in (PATIENT, OTHER_STUDY):
        files = write_study(
            made_ct_study(12, 64, 64, examination=examination), directory / examination.study_instance_uid
        )
        for file in files:
            orthanc.file(file)
        studies[str(examination.study_instance_uid)] = files
    return studies


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS that asks for a user name and a password."""
    with orthanc_peer.running(tmp_path_factory.mktemp("guarded"), "GUARDED", USER) as peer:
        yield peer


def dicomweb(peer: Orthanc) -> str:
    return f"{peer.url}/dicom-web"


def held_by(peer: Orthanc, sop_instance_uid: str) -> bytes:
    (found,) = peer.find(sop_instance_uid)
    return peer.ask("GET", f"/instances/{found}/file").content


@pytest.mark.parametrize(
    ("input_", "studies"),
    [
        ({"type": "DICOM_UID", "studies": [{"StudyInstanceUID": PATIENT.study_instance_uid}]}, 1),
        ({"type": "DICOM_PATIENT_ID", "PatientID": PATIENT.patient_id}, 2),
        ({"type": "ACCESSION_NUMBER", "accessionNumber": ["MADE06010001"]}, 1),
        ({"type": "ACCESSION_NUMBER", "accessionNumber": ["MADE06010001", "MADE06010002"]}, 2),
        (
            {
                "type": "DICOM_UID",
                "studies": [
                    {
                        "StudyInstanceUID": PATIENT.study_instance_uid,
                        "series": [{"SeriesInstanceUID": PATIENT.series_instance_uid}],
                    }
                ],
            },
            1,
        ),
    ],
)
def test_the_scenarios_of_mig_bring_the_instances_as_they_are_stored(
    node: Node, orthanc: Orthanc, filed: dict[str, list[Path]], input_: Json, studies: int
) -> None:
    outcome = node.retrieve(inference_request(input_, sources=[source(dicomweb(orthanc))]))
    assert (outcome.error(allow_partial=False), outcome.remarks) == (None, ())
    expected = [file for files in list(filed.values())[:studies] for file in files]
    assert node.files() == {file.stem: held_by(orthanc, file.stem) for file in expected}
    assert node.files() == {file.stem: file.read_bytes() for file in expected}


@pytest.mark.parametrize("kind", sample_of_each_transfer_syntax(), ids=lambda kind: kind.file.name)
def test_every_transfer_syntax_comes_as_it_is_stored(node: Node, orthanc: Orthanc, kind: Sample) -> None:
    orthanc.file(kind.file)
    study = orthanc.ask("GET", f"/instances/{orthanc.find(kind.sop_instance_uid)[0]}/study").json()
    uid = study["MainDicomTags"]["StudyInstanceUID"]
    assert node.retrieve(study_of(dicomweb(orthanc), uid)).error(allow_partial=False) is None
    assert node.files()[kind.sop_instance_uid] == kind.file.read_bytes()


def test_a_patient_whom_the_archive_does_not_know_is_final(node: Node, orthanc: Orthanc) -> None:
    unknown = inference_request(
        {"type": "DICOM_PATIENT_ID", "PatientID": "NOBODY"}, sources=[source(dicomweb(orthanc))]
    )
    error = node.retrieve(unknown).error(allow_partial=False)
    assert isinstance(error, PeerRefused)
    assert "has no study of the patient in inputMetadata.inputs[0]" in str(error)


def test_another_letter_case_is_another_patient(node: Node, orthanc: Orthanc, filed: dict[str, list[Path]]) -> None:
    """Orthanc takes no notice of the case, and finds both studies."""
    lower = inference_request(
        {"type": "DICOM_PATIENT_ID", "PatientID": PATIENT.patient_id.lower()}, sources=[source(dicomweb(orthanc))]
    )
    error = node.retrieve(lower).error(allow_partial=False)
    assert isinstance(error, PeerRefused)
    assert ": 2 studies were left out that are no study of the patient" in str(error)


def test_the_credentials_let_us_in(node: Node, guarded: Orthanc, tmp_path: Path) -> None:
    pair = base64.b64encode(":".join(USER).encode()).decode()
    (file,) = write_study(made_mr_study(1), tmp_path / "mr")
    store(guarded, file, pair)
    outcome = node.retrieve(study_of(dicomweb(guarded), FIRST.study_instance_uid, auth_type="basic", auth_id=pair))
    assert outcome.error(allow_partial=False) is None
    assert node.files() == {file.stem: file.read_bytes()}


@pytest.mark.parametrize(
    ("auth_type", "auth_id"), [("None", None), ("Basic", "d3Jvbmc6d3Jvbmc="), ("Bearer", "wrong.token")]
)
def test_wrong_credentials_are_final_and_never_quoted(
    node: Node, guarded: Orthanc, auth_type: str, auth_id: str | None
) -> None:
    error = node.retrieve(study_of(dicomweb(guarded), auth_type=auth_type, auth_id=auth_id)).error(allow_partial=False)
    assert isinstance(error, PeerRefused)
    assert str(error) == f"inputResources[1]: {guarded.url} does not accept the credentials (HTTP 401)"


def store(peer: Orthanc, file: Path, pair: str) -> None:
    headers = {"Authorization": f"Basic {pair}"}
    httpx.post(f"{peer.url}/instances", content=file.read_bytes(), headers=headers, trust_env=False).raise_for_status()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secured(orthanc: Orthanc, tmp_path: Path, certificate: Certificate) -> Iterator[str]:
    """Orthanc behind TLS, with a certificate that only its own authority vouches for."""
    with stunnel.running(tmp_path / "stunnel", int(orthanc.url.rsplit(":", 1)[1]), certificate) as port:
        yield f"https://127.0.0.1:{port}/dicom-web"


def test_a_study_comes_through_tls_where_its_authority_is_believed(
    tmp_path: Path, secured: str, certificate: Certificate, filed: dict[str, list[Path]]
) -> None:
    node = Node(tmp_path / "areas", ca_file=certificate.file)
    assert node.retrieve(study_of(secured, PATIENT.study_instance_uid)).error(allow_partial=False) is None
    assert len(node.files()) == 12


def test_a_certificate_that_nobody_vouches_for_is_final(node: Node, secured: str) -> None:
    error = node.retrieve(study_of(secured)).error(allow_partial=False)
    assert isinstance(error, PeerRefused)
    assert "can't be used: its certificate is not trusted: self-signed certificate" in str(error)


def test_an_archive_that_is_away_is_waited_for(node: Node) -> None:
    error = node.retrieve(study_of(f"http://127.0.0.1:{free_port()}")).error(allow_partial=False)
    assert isinstance(error, PeerUnavailable)
    assert "does not answer: connection refused" in str(error)


def test_a_probe_tells_whether_an_archive_is_there(orthanc: Orthanc, guarded: Orthanc) -> None:
    with Archive(Service(dicomweb(orthanc))) as archive:
        probe(archive)
    with Archive(Service(dicomweb(guarded))) as archive, pytest.raises(PeerRefused, match="HTTP 401"):
        probe(archive)
    with Archive(Service(f"http://127.0.0.1:{free_port()}")) as archive, pytest.raises(PeerUnavailable):
        probe(archive)
