"""Services that refuse, are full, break off or say nothing: what becomes of each file, and how often it was sent."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome
from gateway.dicomweb.store import BatchLimits
from gateway.errors import Damaged, PeerRefused, PeerUnavailable
from gateway.web.client import Client
from gateway.web.service import HttpTimeouts, Service
from tests.gateway.dicomweb.raw_service import (
    HASTY,
    Conversation,
    answer_stored,
    answering,
    raw_service,
    store_all,
    store_at_most_two,
    store_response,
)
from tests.gateway.dicomweb.sending import send
from tests.gateway.part10_files import write_file, write_files
from tests.peers.ports import free_port

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture
def files(tmp_path: Path) -> list[Part10File]:
    return write_files(tmp_path, 4)


@pytest.fixture
def large(tmp_path: Path) -> Part10File:
    return write_file(tmp_path, "1.2.9", pixels=32 * MEGABYTE)


def names(*numbers: int) -> list[str]:
    return [f"1.2.3.{number}" for number in numbers]


def naming(status: int, **named: object) -> Callable[[Conversation], None]:
    return answering(status, store_response(**named))  # type: ignore[arg-type]


def test_a_file_is_one_part_of_a_body_of_known_length(files: list[Part10File]) -> None:
    def look(conversation: Conversation) -> None:
        conversation.read_body()
        assert [head for head, _ in conversation.parts] == [{"content-type": "application/dicom"}] * 4
        assert [content for _, content in conversation.parts] == [file.path.read_bytes() for file in files]
        assert "transfer-encoding" not in conversation.headers
        assert conversation.headers["accept"] == "application/dicom+json"
        answer_stored(conversation)

    with raw_service(look) as service:
        assert send(service.client(), files).stored == names(1, 2, 3, 4)
    assert service.requests == ["POST /dicom-web/studies"]


def test_one_failure_of_four_is_a_failure_of_one(files: list[Part10File]) -> None:
    behave = naming(202, stored=names(1, 2, 4), failed=[("1.2.3.3", 0xA900)])
    with raw_service(behave) as service:
        sending = send(service.client(), files)
    assert sending.stored == names(1, 2, 4)
    assert sending.outcomes["1.2.3.3"].outcome is Outcome.FINAL
    assert sending.outcomes["1.2.3.3"].reason == "the data set does not match the SOP class (A900)"
    assert service.sent == names(1, 2, 3, 4)


@pytest.mark.parametrize("status", [200, 202, 400, 409, 500])
def test_what_an_answer_names_is_stored_whatever_its_http_status(files: list[Part10File], status: int) -> None:
    with raw_service(naming(status, stored=names(1, 2, 3, 4))) as service:
        sending = send(service.client(), files)
    assert set(sending.kinds) == {Outcome.STORED}


def test_a_warning_reason_is_a_remark(files: list[Part10File]) -> None:
    behave = naming(202, stored=names(1, 2), warned=[("1.2.3.3", 0xB006), ("1.2.3.4", 1)])
    with raw_service(behave) as service:
        sending = send(service.client(), files)
    assert sending.kinds == [Outcome.STORED] * 2 + [Outcome.STORED_WITH_REMARK] * 2
    assert sending.outcomes["1.2.3.3"].reason == "stored, but elements were discarded (B006)"
    assert sending.outcomes["1.2.3.4"].status == 1


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (0xA700, Outcome.TRANSIENT),
        (0xC000, Outcome.FINAL),
        (0xC122, Outcome.FINAL),
        (0x0122, Outcome.FINAL),
        (0x0000, Outcome.FINAL),
        (0xB123, Outcome.FINAL),
        (45070, Outcome.STORED_WITH_REMARK),
        (45071, Outcome.TRANSIENT),
        (0x0111, Outcome.STORED_WITH_REMARK),
    ],
)
def test_each_failure_reason_is_judged_by_whether_waiting_helps(
    files: list[Part10File], reason: int, outcome: Outcome
) -> None:
    with raw_service(naming(409, failed=[("1.2.3.1", reason)])) as service:
        sending = send(service.client(), files[:1])
    assert sending.kinds == [outcome]
    assert sending.outcomes["1.2.3.1"].status == reason


def instances(*uids: str) -> list[dict[str, object]]:
    return [{"00080018": {"vr": "UI", "Value": [uid]}, "00100010": {"vr": "PN", "Value": ["X"]}} for uid in uids]


@pytest.mark.parametrize("response", [b"", {}, store_response(failed=[("1.2.3.1", 0x0110)])], ids=repr)
def test_a_conflict_is_a_success_with_a_remark_if_the_service_has_the_instance(
    files: list[Part10File], response: object
) -> None:
    """Google answers duplicates so, and what it can't read as well: only the second question tells them apart."""
    with raw_service(answering(409, response), answering(200, instances("1.2.3.1"))) as service:
        outcome = send(service.client(), files[:1]).outcomes["1.2.3.1"]
    assert outcome.outcome is Outcome.STORED_WITH_REMARK
    assert outcome.reason.startswith("already there")
    assert service.requests[1] == "GET /dicom-web/instances?SOPInstanceUID=1.2.3.1&limit=1"


@pytest.mark.parametrize(
    "second",
    [
        answering(200, []),
        answering(204),
        answering(404),
        answering(403),
        answering(200, b"<html>"),
        answering(200, instances("1.2.3.99")),
        answering(200, {"00080018": 1}),
    ],
)
def test_a_conflict_is_final_if_the_service_does_not_have_it_or_does_not_say(
    files: list[Part10File], second: Callable[[Conversation], None]
) -> None:
    with raw_service(naming(409, failed=[("1.2.3.1", 0x0110)]), second) as service:
        outcome = send(service.client(), files[:1]).outcomes["1.2.3.1"]
    assert (outcome.outcome, outcome.reason) == (Outcome.FINAL, "its processing failed (0110)")


def test_what_a_batch_stored_is_known_though_the_second_question_is_not_answered(files: list[Part10File]) -> None:
    first = naming(202, stored=names(1, 2, 3), failed=[("1.2.3.4", 0x0110)])
    with raw_service(first, Conversation.reset) as service:
        sending = send(service.client(), files)
    assert sending.stored == names(1, 2, 3)
    assert sending.outcomes["1.2.3.4"].outcome is Outcome.TRANSIENT


def test_those_not_named_are_sent_alone_before_one_is_final(files: list[Part10File]) -> None:
    """As Orthanc does with a bad part: 400, the good ones stored and named, the bad one passed over in silence."""
    with raw_service(
        naming(400, stored=names(1, 3)), naming(200, stored=["1.2.3.2"]), answering(400, b"Bad request: Doe^Jane")
    ) as service:
        sending = send(service.client(), files)
    assert sending.stored == names(1, 3, 2)
    assert sending.outcomes["1.2.3.4"].outcome is Outcome.FINAL
    assert sending.outcomes["1.2.3.4"].reason == "refused (HTTP 400)"
    assert service.batches == [names(1, 2, 3, 4), names(2), names(4)]


@pytest.mark.parametrize("body", [b"", b"{}", b"OK", b"<html></html>", b"[1, {", b"<a", b"[" * 100_000, b"null"])
def test_a_200_that_names_nothing_stores_nothing(files: list[Part10File], body: bytes) -> None:
    with raw_service(answering(200, body)) as service:
        sending = send(service.client(), files[:2])
    assert sending.kinds == [Outcome.FINAL] * 2
    assert sending.outcomes["1.2.3.1"].reason == "the answer (HTTP 200) does not name it as stored"
    assert service.batches == [names(1, 2), names(1), names(2)]


def test_a_failure_without_a_name_can_only_mean_a_file_that_was_sent_alone(files: list[Part10File]) -> None:
    """Azure names no instance where the identifiers are what is wrong."""
    with raw_service(naming(409, nameless=[0xA900])) as service:
        sending = send(service.client(), files[:2])
    assert service.batches == [names(1, 2), names(1), names(2)]
    assert [outcome.status for outcome in sending.outcomes.values()] == [0xA900] * 2


def test_xml_is_read_as_well(files: list[Part10File]) -> None:
    xml = b"""<?xml version="1.0" encoding="utf-8"?>
    <NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
      <DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"><Item number="1">
        <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2.3.1</Value></DicomAttribute>
        <DicomAttribute tag="00081196" vr="US"><Value number="1">45056</Value></DicomAttribute></Item></DicomAttribute>
      <DicomAttribute tag="00081198" vr="SQ"><Item number="1">
        <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2.3.2</Value></DicomAttribute>
        <DicomAttribute tag="00081197" vr="US"><Value number="1">49152</Value></DicomAttribute></Item></DicomAttribute>
    </NativeDicomModel>"""
    with raw_service(answering(202, xml)) as service:
        sending = send(service.client(), files[:2])
    assert [outcome.status for outcome in sending.outcomes.values()] == [0xB000, 0xC000]
    assert sending.kinds == [Outcome.STORED_WITH_REMARK, Outcome.FINAL]


def test_xml_that_grows_is_not_read(files: list[Part10File]) -> None:
    xml = b'<!DOCTYPE a [<!ENTITY b "1.2.3.1">]><NativeDicomModel>&b;</NativeDicomModel>'
    with raw_service(answering(200, xml)) as service:
        assert send(service.client(), files[:1]).kinds == [Outcome.FINAL]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "does not accept the credentials (HTTP 401)"),
        (403, "does not allow this with these credentials (HTTP 403)"),
        (404, "offers no such service at this address (HTTP 404)"),
        (405, "offers no such service at this address (HTTP 405)"),
        (406, "does not answer in DICOM JSON (HTTP 406)"),
        (301, "has moved: it redirects to another address (HTTP 301)"),
    ],
)
def test_a_service_that_will_not_have_us_is_final(files: list[Part10File], status: int, reason: str) -> None:
    with raw_service(answering(status, b"Jane Doe may not")) as service:
        sending = send(service.client(), files)
        assert isinstance(sending.error, PeerRefused)
        assert str(sending.error) == f"{service.url} {reason}"
    assert sending.outcomes == {}


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504, 507])
def test_a_service_that_cannot_serve_now_is_unavailable(files: list[Part10File], status: int) -> None:
    with raw_service(answering(status), store_all) as service:
        first = send(service.client(), files)
        second = send(service.client(), files)
    assert isinstance(first.error, PeerUnavailable)
    assert first.error.retry_after_seconds is None
    assert f"(HTTP {status})" in str(first.error)
    assert first.kinds == [Outcome.TRANSIENT] * 4
    assert second.stored == names(1, 2, 3, 4)


def test_a_503_says_when_to_come_back_in_seconds_or_as_a_date(files: list[Part10File]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    with raw_service(
        answering(429, Retry_After="17"), answering(503, Retry_After=later), answering(503, Retry_After="soon")
    ) as service:
        errors = [send(service.client(), files).error for _ in range(3)]
    waits = [error.retry_after_seconds for error in errors if isinstance(error, PeerUnavailable)]
    assert waits[0] == 17
    assert waits[1] == pytest.approx(100, abs=5)
    assert waits[2] is None


def test_a_batch_that_is_too_large_is_halved_and_the_next_ones_are_smaller(tmp_path: Path) -> None:
    files = write_files(tmp_path, 16)

    with raw_service(store_at_most_two) as service:
        sending = send(service.client(), files, BatchLimits(most_files=8))
    assert sending.stored == names(*range(1, 17))
    assert [len(batch) for batch in service.batches] == [8, 4] + [2] * 8


def test_a_file_that_is_too_large_alone_is_final_unless_it_is_to_come_back_later(files: list[Part10File]) -> None:
    with raw_service(answering(413), answering(413, Retry_After="9")) as service:
        first = send(service.client(), files[:1])
        second = send(service.client(), files[:1])
    assert first.kinds == [Outcome.FINAL]
    assert first.outcomes["1.2.3.1"].reason == f"its {files[0].bytes} bytes are more than is taken (HTTP 413)"
    assert isinstance(second.error, PeerUnavailable)
    assert second.error.retry_after_seconds == 9


def test_a_media_type_that_is_not_taken_is_final_for_the_file_that_has_it(tmp_path: Path) -> None:
    files = write_files(tmp_path, 2)
    jpeg = write_file(tmp_path, "1.2.3.3", transfer_syntax_uid="1.2.840.10008.1.2.4.90")

    def no_jpeg(conversation: Conversation) -> None:
        conversation.read_body()
        if "1.2.3.3" in conversation.names:
            conversation.answer(415)
        else:
            answer_stored(conversation)

    with raw_service(no_jpeg) as service:
        sending = send(service.client(), [*files, jpeg])
    assert sending.stored == names(1, 2)
    assert "JPEG 2000 Image Compression (Lossless Only), is not taken (HTTP 415)" in sending.outcomes["1.2.3.3"].reason


def test_a_failing_service_is_left_alone_after_three_files(files: list[Part10File]) -> None:
    with raw_service(answering(500)) as service:
        sending = send(service.client(), files)
        assert str(sending.error) == f"{service.url} can't store now: the service failed (HTTP 500)"
    assert sending.kinds == [Outcome.TRANSIENT] * 3
    assert service.batches == [names(1, 2, 3, 4), names(1), names(2), names(3)]


def test_one_file_that_a_service_fails_at_does_not_hold_up_the_others(files: list[Part10File]) -> None:
    def fails_at_the_second(conversation: Conversation) -> None:
        conversation.read_body()
        if "1.2.3.2" in conversation.names:
            conversation.answer(500)
        else:
            answer_stored(conversation)

    with raw_service(fails_at_the_second) as service:
        sending = send(service.client(), files)
    assert sending.error is None
    assert sending.stored == names(1, 3, 4)
    assert sending.outcomes["1.2.3.2"].outcome is Outcome.TRANSIENT


def early(status: int, after: Callable[[Conversation], None]) -> Callable[[Conversation], None]:
    """Answers once the head has come, while the body still does."""

    def behave(conversation: Conversation) -> None:
        conversation.answer(status)
        after(conversation)

    return behave


def close(conversation: Conversation) -> None:
    conversation.socket.close()


@pytest.mark.parametrize(
    "after", [close, Conversation.hang, Conversation.drain], ids=["closes", "stops reading", "drains"]
)
@pytest.mark.parametrize("status", [401, 413])
def test_an_answer_that_comes_early_is_read(
    large: Part10File, status: int, after: Callable[[Conversation], None]
) -> None:
    began = time.monotonic()
    with raw_service(early(status, after)) as service:
        sending = send(service.client(), [large])
        assert time.monotonic() - began < 10
    assert f"(HTTP {status})" in str(sending.error or sending.outcomes["1.2.9"].reason)


def test_an_interim_answer_is_no_answer(files: list[Part10File]) -> None:
    def continue_first(conversation: Conversation) -> None:
        conversation.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        store_all(conversation)

    with raw_service(continue_first) as service:
        assert send(service.client(), files).stored == names(1, 2, 3, 4)


def test_a_chunked_answer_is_read(files: list[Part10File]) -> None:
    def chunked(conversation: Conversation) -> None:
        conversation.read_body()
        body = json.dumps(store_response(stored=conversation.names)).encode()
        chunks = [body[:10], body[10:11], body[11:], b""]
        conversation.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            conversation.socket.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    with raw_service(chunked) as service:
        assert send(service.client(), files).stored == names(1, 2, 3, 4)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x15\x03\x01\x00\x02",
        b"HTTP/9 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
    ids=["nothing", "TLS", "a bad status line", "a cut body", "a cut chunk", "a bad chunk", "too many headers"],
)
def test_garbage_is_no_answer_and_is_transient(files: list[Part10File], answer: bytes) -> None:
    def behave(conversation: Conversation) -> None:
        conversation.read_body()
        conversation.socket.sendall(answer)

    with raw_service(behave) as service:
        sending = send(service.client(), files)
    assert isinstance(sending.error, PeerUnavailable)
    assert sending.stored == []


def test_an_answer_without_end_is_not_read_to_its_end(files: list[Part10File]) -> None:
    def endless(conversation: Conversation) -> None:
        conversation.read_body()
        conversation.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conversation.socket.sendall(MEGABYTE)

    with raw_service(endless) as service:
        sending = send(service.client(), files)
    assert "was cut off" in str(sending.error)


def test_a_service_that_does_not_answer_is_given_up_in_time(files: list[Part10File]) -> None:
    def silent(conversation: Conversation) -> None:
        conversation.read_body()
        conversation.hang()

    began = time.monotonic()
    with raw_service(silent) as service:
        sending = send(service.client(HttpTimeouts(answer_seconds=0.3)), files)
        assert time.monotonic() - began < 10
        assert str(sending.error) == f"{service.url} does not answer: no answer in time"
    assert isinstance(sending.error, PeerUnavailable)


def test_a_service_that_answers_a_letter_at_a_time_ends_at_the_deadline(files: list[Part10File]) -> None:
    def trickle(conversation: Conversation) -> None:
        conversation.read_body()
        while not conversation.service.ending.wait(0.02):
            conversation.socket.sendall(b"H")

    began = time.monotonic()
    with raw_service(trickle) as service:
        sending = send(service.client(HttpTimeouts(answer_seconds=0.5, slowest_bytes_per_second=1_000_000)), files)
        assert time.monotonic() - began < 10
    assert isinstance(sending.error, PeerUnavailable)


def test_a_service_that_stops_reading_is_given_up_in_time(large: Part10File) -> None:
    began = time.monotonic()
    with raw_service(Conversation.hang) as service:
        sending = send(service.client(HttpTimeouts(send_seconds=0.3)), [large])
        assert time.monotonic() - began < 10
    assert isinstance(sending.error, PeerUnavailable)


def test_a_connection_that_breaks_leaves_the_batch_in_doubt_and_the_rest_unsent(tmp_path: Path) -> None:
    files = write_files(tmp_path, 6)

    def read_and_reset(conversation: Conversation) -> None:
        conversation.read_body()
        conversation.reset()

    with raw_service(store_all, read_and_reset) as service:
        sending = send(service.client(), files, BatchLimits(most_files=2))
    assert sending.stored == names(1, 2)
    assert sending.kinds[2:] == [Outcome.TRANSIENT] * 2
    assert service.sent == names(1, 2, 3, 4)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_service_that_cannot_be_reached_is_transient(files: list[Part10File], host: str) -> None:
    url = f"http://{host}:{free_port()}/dicom-web"
    sending = send(Client(Service(url), HASTY), files)
    why = "connection refused" if host == "127.0.0.1" else "its name can't be resolved"
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error) == f"{url} does not answer: {why}"


def test_a_stop_ends_between_two_batches(files: list[Part10File]) -> None:
    stopping = threading.Event()

    def store_and_stop(conversation: Conversation) -> None:
        stopping.set()
        store_all(conversation)

    with raw_service(store_and_stop) as service:
        sending = send(service.client(), files, BatchLimits(most_files=2), stopping)
    assert (sending.stored, sending.error) == (names(1, 2), None)
    assert service.sent == names(1, 2)


def test_a_file_that_became_shorter_is_damaged_and_nothing_of_it_is_stored(files: list[Part10File]) -> None:
    with files[1].path.open("r+b") as file:
        file.truncate(files[1].bytes - 10)
    with raw_service() as service:
        sending = send(service.client(), files)
    assert isinstance(sending.error, Damaged)
    assert service.sent == []
