"""Orthanc by DICOMweb: with credentials, with TLS before it, with files that it can't read."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from examples.ct_study import made_ct_study
from examples.made_study import write_study
from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome
from gateway.dicomweb.query import holds_instance, probe
from gateway.dicomweb.store import BatchLimits
from gateway.errors import PeerRefused, PeerUnavailable, SettingsError
from gateway.web.client import Client
from gateway.web.service import HttpTimeouts, Service
from tests.certificates import Certificate, self_signed
from tests.gateway.dicom.test_scanner import data_set_bytes
from tests.gateway.dicomweb.raw_service import Behave, Conversation, answering, raw_service
from tests.gateway.dicomweb.sending import send
from tests.gateway.part10_files import data_set_of, write_file
from tests.peers import orthanc as orthanc_peer
from tests.peers import stunnel
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port
from tests.samples import sample

pytestmark = pytest.mark.peers

KINDS = ("test-SR.dcm", "liver_1frame.dcm", "waveform_ecg.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "image_dfl.dcm")


@pytest.fixture
def ct_study(tmp_path: Path) -> list[Part10File]:
    return [Part10File.at(path) for path in write_study(made_ct_study(20, 128, 128), tmp_path / "ct")]


@pytest.fixture
def service(orthanc: Orthanc) -> Service:
    return Service(f"{orthanc.url}/dicom-web")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS that asks for a user name and a password."""
    with orthanc_peer.running(tmp_path_factory.mktemp("guarded"), "GUARDED", ("mig", "s3cret: ü")) as peer:
        yield peer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secured(orthanc: Orthanc, tmp_path: Path, certificate: Certificate) -> Iterator[Service]:
    """The PACS behind TLS, with a certificate that only its own authority vouches for."""
    http_port = int(orthanc.url.rsplit(":", 1)[1])
    with stunnel.running(tmp_path / "stunnel", http_port, certificate) as port:
        yield Service(f"https://127.0.0.1:{port}/dicom-web", ca_file=certificate.file)


def test_a_study_is_stored_in_batches_and_a_second_time_harmlessly(
    service: Service, orthanc: Orthanc, ct_study: list[Part10File]
) -> None:
    for _ in range(2):
        sending = send(Client(service), ct_study, BatchLimits(most_files=7))
        assert sending.kinds == [Outcome.STORED] * 20
    (found,) = orthanc.find(ct_study[0].sop_instance_uid)
    assert data_set_bytes(orthanc.ask("GET", f"/instances/{found}/file").content) == data_set_of(ct_study[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_object_is_stored(service: Service, orthanc: Orthanc, kind: str) -> None:
    file = Part10File.at(sample(kind))
    assert send(Client(service), [file]).kinds == [Outcome.STORED]
    assert orthanc.find(file.sop_instance_uid)


def test_a_part_that_cannot_be_read_fails_alone(service: Service, tmp_path: Path, ct_study: list[Part10File]) -> None:
    broken = write_file(tmp_path, "1.2.3.4.5")
    content = broken.path.read_bytes()[: broken.data_set_offset] + b"\xff" * (broken.bytes - broken.data_set_offset)
    broken.path.write_bytes(content)
    sending = send(Client(service), [ct_study[0], broken, ct_study[1]])
    assert sending.stored == [ct_study[0].sop_instance_uid, ct_study[1].sop_instance_uid]
    assert sending.outcomes["1.2.3.4.5"].outcome is Outcome.FINAL
    assert sending.outcomes["1.2.3.4.5"].reason == "refused (HTTP 400)"


def test_the_credentials_let_us_in(guarded: Orthanc, ct_study: list[Part10File]) -> None:
    service = Service(f"{guarded.url}/dicom-web", username="mig", password="s3cret: ü")
    probe(Client(service))
    assert len(send(Client(service), ct_study).stored) == 20


@pytest.mark.parametrize(("username", "password", "token"), [("", "", ""), ("mig", "wrong", ""), ("", "", "abc.def")])
def test_wrong_credentials_are_told_and_never_quoted(
    guarded: Orthanc, ct_study: list[Part10File], username: str, password: str, token: str
) -> None:
    service = Service(f"{guarded.url}/dicom-web", username, password, token)
    sending = send(Client(service), ct_study)
    assert isinstance(sending.error, PeerRefused)
    assert str(sending.error) == f"{service} does not accept the credentials (HTTP 401)"
    with pytest.raises(PeerRefused, match="does not accept the credentials"):
        probe(Client(service))
    assert "wrong" not in repr(service)
    assert "abc" not in repr(service)


def test_a_bearer_token_is_sent_as_such(ct_study: list[Part10File]) -> None:
    seen = []
    with raw_service(lambda conversation: seen.append(conversation.headers.get("authorization"))) as service:
        send(Client(Service(service.url, token="abc.def")), ct_study[:1])
    assert seen == ["Bearer abc.def"]


def test_a_study_is_stored_through_tls(secured: Service, ct_study: list[Part10File]) -> None:
    probe(Client(secured))
    assert len(send(Client(secured), ct_study).stored) == 20


def test_an_answer_that_comes_early_is_read_through_tls(tmp_path: Path, certificate: Certificate) -> None:
    large = write_file(tmp_path, "1.2.9", pixels=bytes(64_000_000))

    def answer_and_stop_reading(conversation: Conversation) -> None:
        conversation.answer(413)
        conversation.hang()

    with (
        raw_service(answer_and_stop_reading) as plain,
        stunnel.running(tmp_path / "stunnel", int(plain.url.split(":")[2].split("/")[0]), certificate) as port,
    ):
        service = Service(f"https://127.0.0.1:{port}/dicom-web", ca_file=certificate.file)
        sending = send(Client(service, HttpTimeouts(send_seconds=10)), [large])
    assert "(HTTP 413)" in sending.outcomes["1.2.9"].reason


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Service) -> None:
    with pytest.raises(PeerRefused, match="can't be used: its certificate is not trusted: self-signed certificate"):
        probe(Client(replace(secured, ca_file=None)))


def test_tls_to_a_port_without_it_is_told(service: Service, secured: Service) -> None:
    with pytest.raises(PeerUnavailable, match="no TLS connection"):
        probe(Client(replace(service, url=service.url.replace("http:", "https:"))))
    with pytest.raises(PeerUnavailable):
        probe(Client(replace(secured, url=secured.url.replace("https:", "http:"))))


def test_a_probe_tells_what_is_wrong(orthanc: Orthanc, service: Service) -> None:
    probe(Client(service))
    with pytest.raises(PeerRefused, match=r"offers no such service at this address \(HTTP 404\)"):
        probe(Client(Service(f"{orthanc.url}/no-such-root")))
    with pytest.raises(PeerUnavailable, match="its name can't be resolved"):
        probe(Client(Service("http://no-such-host.invalid/dicom-web")))
    with pytest.raises(PeerUnavailable, match="connection refused"):
        probe(Client(Service(f"http://127.0.0.1:{free_port()}/dicom-web")))
    with pytest.raises(PeerUnavailable, match="does not answer"):
        probe(Client(Service(f"http://127.0.0.1:{orthanc.port}/dicom-web"), HttpTimeouts(answer_seconds=1)))


def test_a_server_of_another_kind_is_told() -> None:
    with (
        raw_service(answering(200, b"<html>Welcome</html>", Content_Type="text/html")) as server,
        pytest.raises(PeerRefused, match=r"does not answer as a DICOMweb service does \(HTTP 200\)"),
    ):
        probe(server.client())


@pytest.mark.parametrize("answer", [answering(204), answering(200), answering(200, [])])
def test_a_service_without_studies_is_well(answer: Behave) -> None:
    with raw_service(answer) as server:
        probe(server.client())


def test_a_service_says_whether_it_holds_an_instance(
    service: Service, tmp_path: Path, ct_study: list[Part10File]
) -> None:
    send(Client(service), ct_study[:1])
    assert holds_instance(Client(service), ct_study[0])
    assert not holds_instance(Client(service), write_file(tmp_path, "1.2.3.99"))


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("ftp://host/", ""),
        ("http:///dicom-web", ""),
        ("http://mig:s3cret@host/", ""),
        ("http://host/?key=s3cret", ""),
        ("http://host/a b", ""),
        ("http://host/", "s3cret\r\nX: y"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_at_once(url: str, token: str) -> None:
    with pytest.raises(SettingsError) as told:
        Service(url, token=token)
    assert "s3cret" not in str(told.value)
