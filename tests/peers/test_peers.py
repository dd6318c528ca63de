"""Each real component does its work, comes back after an outage with its data, and leaves no process behind."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import psycopg
import pytest
from minio.error import S3Error
from playwright.sync_api import BrowserContext

from examples.ct_study import made_ct_study
from examples.made_study import write_study
from examples.mr_study import made_mr_study
from tests.certificates import self_signed
from tests.peers import chromium, hapi_fhir, minio, orthanc, postgresql, rabbitmq, stunnel, toxiproxy
from tests.peers.dcmtk import ApplicationEntity, Dcmtk, Receiver
from tests.peers.hapi_fhir import HapiFhir
from tests.peers.minio import MinIO
from tests.peers.orthanc import Orthanc
from tests.peers.ports import free_port
from tests.peers.postgresql import PostgreSQL
from tests.peers.processes import Server, listens, processes_at_home_in
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Proxy, Toxiproxy

KEY = "md.test"
EXCHANGE = "monaideploy"


@pytest.fixture
def echo(dcmtk: Dcmtk, receiver: Receiver, proxy: Proxy) -> Callable[[], int]:
    """The exit status of a C-ECHO through the proxy."""
    return lambda: dcmtk.echoscu(replace(receiver.called, port=proxy.port), "--acse-timeout", "1").exit_status


@pytest.fixture
def proxy(toxiproxy: Toxiproxy, receiver: Receiver) -> Proxy:
    return toxiproxy.new_proxy(receiver.called.port)


@pytest.fixture
def receiver(dcmtk: Dcmtk, tmp_path: Path) -> Iterator[Receiver]:
    with dcmtk.storescp(tmp_path / "storescp") as receiver:
        yield receiver


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def publish(broker: RabbitMQ, virtual_host: str, body: bytes) -> None:
    with broker.connection(virtual_host) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(EXCHANGE, KEY, body, mandatory=True)


def test_rabbitmq_confirms_a_message_and_hands_it_over(rabbitmq: RabbitMQ) -> None:
    virtual_host = rabbitmq.new_virtual_host()
    queue = rabbitmq.bind_queue(virtual_host, EXCHANGE, KEY)
    publish(rabbitmq, virtual_host, b"hello")
    (received,) = rabbitmq.messages(virtual_host, queue, count=1)
    assert (received.routing_key, received.body) == (KEY, b"hello")


def test_rabbitmq_has_confirmed_messages_after_a_stop_and_after_a_crash(rabbitmq: RabbitMQ) -> None:
    virtual_host = rabbitmq.new_virtual_host()
    queue = rabbitmq.bind_queue(virtual_host, EXCHANGE, KEY)
    publish(rabbitmq, virtual_host, b"before the stop")
    rabbitmq.server.stop()
    assert not listens(rabbitmq.port)
    rabbitmq.server.start()
    publish(rabbitmq, virtual_host, b"before the crash")
    rabbitmq.server.kill()
    rabbitmq.server.start()
    received = [message.body for message in rabbitmq.messages(virtual_host, queue, count=2)]
    assert received == [b"before the stop", b"before the crash"]


def test_a_queue_that_stays_empty_is_read_as_empty(rabbitmq: RabbitMQ) -> None:
    virtual_host = rabbitmq.new_virtual_host()
    queue = rabbitmq.bind_queue(virtual_host, EXCHANGE, KEY)
    assert rabbitmq.messages(virtual_host, queue, count=1, timeout_seconds=0.2) == []


def test_minio_has_an_object_after_an_outage(minio: MinIO) -> None:
    bucket = minio.new_bucket()
    minio.client().put_object(bucket, "key", BytesIO(b"hello"), 5)
    minio.server.stop()
    minio.server.start()
    assert minio.client().get_object(bucket, "key").read() == b"hello"


def test_minio_refuses_credentials_that_were_changed(minio: MinIO) -> None:
    before = minio.client()
    minio.change_credentials("another-access-key", "another-secret-key")
    with pytest.raises(S3Error, match="InvalidAccessKeyId"):
        before.list_buckets()
    assert minio.client().list_buckets() is not None


def test_postgresql_has_a_row_after_an_outage(postgresql: PostgreSQL) -> None:
    url = postgresql.url(postgresql.new_database())
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE payload AS SELECT 1 AS number")
    postgresql.server.stop()
    postgresql.server.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM payload").fetchone() == (1,)


def test_postgresql_stops_though_somebody_is_connected(postgresql: PostgreSQL) -> None:
    with psycopg.connect(postgresql.url("postgres")):
        postgresql.server.stop()
    assert not listens(postgresql.port)


def test_orthanc_answers_an_echo(orthanc: Orthanc, dcmtk: Dcmtk) -> None:
    assert dcmtk.echoscu(ApplicationEntity(orthanc.ae_title, orthanc.port)).exit_status == 0


def test_orthanc_files_what_it_is_sent_and_sends_it_on(
    orthanc: Orthanc, dcmtk: Dcmtk, receiver: Receiver, tmp_path: Path
) -> None:
    files = write_study(made_ct_study(2, 64, 64), tmp_path / "study")
    sent = dcmtk.storescu(ApplicationEntity(orthanc.ae_title, orthanc.port), files)
    assert sent.exit_status == 0, sent.output
    ids = [found for file in files for found in orthanc.find(file.stem)]
    orthanc.send(ids, ae_title="STORESCP", port=receiver.called.port)
    assert len(list(receiver.directory.iterdir())) == 2


def test_orthanc_speaks_dicomweb(orthanc: Orthanc, tmp_path: Path) -> None:
    (file,) = write_study(made_mr_study(1), tmp_path)
    orthanc.file(file)
    assert file.stem in orthanc.ask("GET", "/dicom-web/instances").text


def test_hapi_fhir_gives_a_resource_in_json_and_in_xml(hapi_fhir: HapiFhir) -> None:
    hapi_fhir.put("Patient", "peer", b'{"resourceType": "Patient", "id": "peer"}')
    assert b'"id":"peer"' in hapi_fhir.get("Patient", "peer", "application/fhir+json")
    assert b'<id value="peer">' in hapi_fhir.get("Patient", "peer", "application/fhir+xml")


def test_dcmsend_sends_a_study(dcmtk: Dcmtk, receiver: Receiver, tmp_path: Path) -> None:
    files = write_study(made_mr_study(20), tmp_path / "study")
    sent = dcmtk.dcmsend(receiver.called, files)
    assert sent.exit_status == 0, sent.output
    assert len(list(receiver.directory.iterdir())) == 20


def test_a_sender_that_waits_for_full_packets_is_slow(dcmtk: Dcmtk, receiver: Receiver, tmp_path: Path) -> None:
    files = write_study(made_mr_study(20), tmp_path / "study")
    assert seconds(lambda: replace(dcmtk, at_once=False).storescu(receiver.called, files)) > 0.5
    assert seconds(lambda: dcmtk.storescu(receiver.called, files)) < 0.5


def test_an_archive_of_dcmtk_knows_its_name(dcmtk: Dcmtk, tmp_path: Path) -> None:
    with dcmtk.dcmqrscp(tmp_path) as archive:
        assert dcmtk.echoscu(archive.called).exit_status == 0
        assert "Called AE Title Not Recognized" in dcmtk.echoscu(replace(archive.called, ae_title="NOBODY")).output


def test_stunnel_speaks_tls_for_a_server_that_does_not(orthanc: Orthanc, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "certificate")
    with stunnel.running(tmp_path / "stunnel", int(orthanc.url.rsplit(":", 1)[1]), certificate) as port:
        context = ssl.create_default_context(cafile=certificate.file)
        answer = httpx.get(f"https://127.0.0.1:{port}/system", verify=context, trust_env=False)
        assert answer.json()["Name"] == "ORTHANC"
    assert not processes_at_home_in(tmp_path / "stunnel")


def test_a_server_that_is_away_is_reported_by_the_tools(dcmtk: Dcmtk) -> None:
    finished = dcmtk.echoscu(ApplicationEntity("NOBODY", free_port()))
    assert finished.exit_status != 0
    assert "refused" in finished.output


def test_a_cut_line_refuses_until_it_is_restored(proxy: Proxy, echo: Callable[[], int]) -> None:
    proxy.cut()
    assert echo() != 0
    proxy.restore()
    assert echo() == 0


def test_a_host_that_hangs_answers_nobody_until_it_is_restored(proxy: Proxy, echo: Callable[[], int]) -> None:
    proxy.swallow()
    assert echo() != 0
    proxy.restore()
    assert echo() == 0


def test_a_long_line_delays_every_answer(proxy: Proxy, echo: Callable[[], int]) -> None:
    proxy.delay(seconds=0.2)
    assert seconds(echo) > 0.4  # the association's answer and the echo's


def test_a_narrow_line_slows_a_sender_down(dcmtk: Dcmtk, receiver: Receiver, proxy: Proxy, tmp_path: Path) -> None:
    files = write_study(made_mr_study(6), tmp_path / "study")
    proxy.limit(bytes_per_second=200_000)
    assert seconds(lambda: dcmtk.storescu(replace(receiver.called, port=proxy.port), files)) > 0.5


def test_a_line_that_fails_in_mid_study_lets_part_of_it_through(
    dcmtk: Dcmtk, receiver: Receiver, proxy: Proxy, tmp_path: Path
) -> None:
    files = write_study(made_mr_study(6), tmp_path / "study")
    proxy.cut_after(sent_bytes=100_000)
    assert dcmtk.storescu(replace(receiver.called, port=proxy.port), files).exit_status != 0
    assert 0 < len(list(receiver.directory.iterdir())) < 6


def test_chromium_shows_a_page_and_its_picture(chromium: BrowserContext, orthanc: Orthanc) -> None:
    page = chromium.new_page()
    page.goto(f"{orthanc.url}/app/explorer.html")
    assert page.title() == "Orthanc Explorer"
    assert page.screenshot().startswith(b"\x89PNG")


@pytest.mark.peers
@pytest.mark.parametrize(
    "running", [chromium.running, hapi_fhir.running, minio.running, orthanc.running, toxiproxy.running]
)
def test_no_process_is_left(running: Callable[[Path], AbstractContextManager[object]], tmp_path: Path) -> None:
    with running(tmp_path):
        assert processes_at_home_in(tmp_path)
    assert not processes_at_home_in(tmp_path)


@pytest.mark.peers
def test_no_process_of_rabbitmq_is_left_and_no_name_service(tmp_path: Path) -> None:
    with rabbitmq.running(tmp_path) as broker:
        name_service = int(broker.epmd.environment["ERL_EPMD_PORT"])
        assert listens(name_service)
    assert not processes_at_home_in(tmp_path)
    assert not listens(name_service)


@pytest.mark.peers
@pytest.mark.parametrize("outage", [Server.stop, Server.kill])
def test_no_process_and_no_file_of_postgresql_is_left(outage: Callable[[Server], None]) -> None:
    with postgresql.running() as database, psycopg.connect(database.url("postgres")):
        outage(database.server)
        assert not processes_at_home_in(database.server.directory)
    assert not database.server.directory.exists()
