"""Archives that are full, busy, slow, broken or gone: what becomes of each file, and how often it was sent."""

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.store import store_files
from gateway.dimse.store_association import StoreAssociation
from gateway.errors import PeerRefused, PeerUnavailable
from tests.events import NeverStopping
from tests.gateway.dimse.raw_pacs import Association, Manners, RawPacs, answering, raw_pacs
from tests.gateway.dimse.sending import HASTY, send
from tests.gateway.part10_files import checksum_of, write_file, write_files
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE
from tests.peers.ports import free_port
from tests.waiting import wait_until

IMPLICIT_LITTLE, JPEG_2000 = "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.90"
MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture
def files(tmp_path: Path) -> list[Part10File]:
    return write_files(tmp_path, 5)


@pytest.fixture
def large(tmp_path: Path) -> Part10File:
    return write_file(tmp_path, "1.2.9", pixels=16 * MEGABYTE)


def names(*numbers: int) -> list[str]:
    return [f"1.2.3.{number}" for number in numbers]


def until_ended(pacs: RawPacs, count: int = 1) -> list[str]:
    wait_until(lambda: len(pacs.endings) >= count, 5, "the associations to end")
    return pacs.endings


def test_an_archive_that_is_full_for_two_files_gets_them_on_the_next_try(files: list[Part10File]) -> None:
    with raw_pacs(answering(0xA700, 0xA700)) as pacs:
        first = send(pacs.peer, files)
        missing = [file for file in files if file.sop_instance_uid not in first.stored]
        pacs.manners = Manners()
        second = send(pacs.peer, missing)
    assert first.error is None
    assert first.kinds == [Outcome.TRANSIENT] * 2 + [Outcome.STORED] * 3
    assert first.outcomes["1.2.3.1"].reason == "out of resources (A700)"
    assert second.stored == names(1, 2)
    assert pacs.names == names(1, 2, 3, 4, 5, 1, 2)


def test_an_archive_that_stays_full_is_left_alone_after_three_files(files: list[Part10File]) -> None:
    with raw_pacs(answering(*[0xA700] * 5)) as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs) == ["released"]
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error) == f"{pacs.peer} can't store now: out of resources (A700)"
    assert pacs.names == names(1, 2, 3)


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0xB00E])
def test_a_warning_is_a_success_with_a_remark(files: list[Part10File], status: int) -> None:
    with raw_pacs(answering(status)) as pacs:
        outcome = send(pacs.peer, files[:1]).outcomes["1.2.3.1"]
    assert outcome.outcome is Outcome.STORED_WITH_REMARK
    assert outcome.is_stored
    assert f"({status:04X})" in outcome.reason


@pytest.mark.parametrize("status", [0xC000, 0xA900, 0x0110, 0x0122, 0x0124, 0xFF00])
def test_a_refused_file_is_final_and_the_others_go_on(files: list[Part10File], status: int) -> None:
    with raw_pacs(answering(status)) as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs) == ["released"]
    assert sending.kinds == [Outcome.FINAL] + [Outcome.STORED] * 4
    assert pacs.names == names(1, 2, 3, 4, 5)


def test_what_the_archive_says_in_its_own_words_stays_out_of_the_reason(files: list[Part10File]) -> None:
    manners = answering(0xC000, comment="no such patient: Doe^Jane")
    with raw_pacs(manners) as pacs:
        outcome = send(pacs.peer, files[:1]).outcomes["1.2.3.1"]
    assert outcome.comment == "no such patient: Doe^Jane"
    assert "Doe" not in repr(outcome)


@pytest.mark.parametrize(
    ("rejection", "reason"),
    [
        ((1, 1, 2), "application context name not supported (1/1/2)"),
        ((1, 1, 3), "calling AE title not recognized (1/1/3)"),
        ((1, 1, 7), "called AE title not recognized (1/1/7)"),
        ((1, 2, 2), "protocol version not supported (1/2/2)"),
    ],
)
def test_a_rejection_for_who_asks_whom_is_final(
    files: list[Part10File], rejection: tuple[int, int, int], reason: str
) -> None:
    with raw_pacs(Manners(rejection=rejection)) as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs) == ["rejected"]
    assert isinstance(sending.error, PeerRefused)
    assert str(sending.error) == f"RAWPACS at 127.0.0.1:{pacs.peer.port} rejected the association: {reason}"
    assert sending.outcomes == {}


@pytest.mark.parametrize(
    ("rejection", "reason"),
    [
        ((1, 1, 1), "no reason given (1/1/1)"),
        ((2, 1, 1), "no reason given (2/1/1)"),
        ((2, 1, 7), "called AE title not recognized (2/1/7)"),
        ((1, 2, 1), "no reason given (1/2/1)"),
        ((2, 3, 1), "temporary congestion (2/3/1)"),
        ((2, 3, 2), "local limit exceeded (2/3/2)"),
        ((1, 1, 9), "for a reason that the Standard does not know (1/1/9)"),
    ],
)
def test_every_other_rejection_is_transient(
    files: list[Part10File], rejection: tuple[int, int, int], reason: str
) -> None:
    with raw_pacs(Manners(negotiate=lambda association: rejecting(association, *rejection))) as pacs:
        sending = send(pacs.peer, files)
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error).endswith(reason)


def rejecting(association: Association, result: int, source: int, reason: int) -> None:
    association.send_pdu(3, bytes((0, result, source, reason)))
    association.end("rejected")


def test_an_abort_after_the_third_file_leaves_two_to_send(files: list[Part10File]) -> None:
    def answer(association: Association, number: int) -> None:
        association.answer(0)
        if number == 3:
            association.abort(source=2, reason=2)

    with raw_pacs(Manners(answer=answer)) as pacs:
        sending = send(pacs.peer, files)
        pacs.manners = Manners()
        again = send(pacs.peer, files[3:])
    assert sending.stored == names(1, 2, 3)
    assert sending.outcomes["1.2.3.4"].outcome is Outcome.TRANSIENT
    assert "the peer aborted: unexpected PDU" in str(sending.error)
    assert "1.2.3.5" not in sending.outcomes
    assert again.stored == names(4, 5)
    assert sorted(set(pacs.names)) == names(1, 2, 3, 4, 5)
    assert [pacs.names.count(name) for name in names(1, 2, 3)] == [1, 1, 1], "nothing acknowledged is sent twice"


def test_an_archive_that_never_answers_is_given_up_in_time_and_told_so(files: list[Part10File]) -> None:
    def say_nothing_but_read(association: Association, number: int) -> None:
        association._read_message()

    hasty = Timeouts(answer_seconds=0.3)
    began = time.monotonic()
    with raw_pacs(Manners(answer=say_nothing_but_read)) as pacs:
        sending = send(pacs.peer, files, hasty)
        assert time.monotonic() - began < 10
        assert until_ended(pacs) == ["aborted"]
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error).endswith("broke while an answer was awaited: the peer sent nothing in time")
    assert sending.kinds == [Outcome.TRANSIENT]
    assert pacs.names == names(1)


def test_an_archive_that_does_not_answer_the_association_request_is_unavailable(files: list[Part10File]) -> None:
    """As one does that serves one association at a time, while it serves another."""
    with raw_pacs(Manners(negotiate=lambda association: association.say_nothing())) as pacs:
        sending = send(pacs.peer, files, Timeouts(negotiate_seconds=0.3))
    assert isinstance(sending.error, PeerUnavailable)
    assert "while the association was negotiated: the peer sent nothing in time" in str(sending.error)


def test_only_implicit_vr_little_endian_is_accepted(tmp_path: Path) -> None:
    implicit = write_file(tmp_path, "1.2.3.1", transfer_syntax_uid=IMPLICIT_LITTLE)
    explicit = write_file(tmp_path, "1.2.3.2")
    compressed = write_file(tmp_path, "1.2.3.3", transfer_syntax_uid=JPEG_2000)

    def accepts(_: str, transfer_syntax: str) -> int:
        return 0 if transfer_syntax == IMPLICIT_LITTLE else 4

    with raw_pacs(Manners(accepts=accepts)) as pacs:
        sending = send(pacs.peer, [explicit, implicit, compressed])
        assert until_ended(pacs) == ["released"]
    assert sending.kinds == [Outcome.FINAL, Outcome.FINAL, Outcome.STORED]  # what is refused is known at once
    assert sending.outcomes["1.2.3.3"].reason == (
        f"{pacs.peer} does not accept CT Image Storage ({CT}) in JPEG 2000 Image Compression (Lossless Only) "
        f"({JPEG_2000}): it does not support the transfer syntax for this SOP class"
    )
    assert pacs.names == ["1.2.3.1"]


def test_no_context_accepted_at_all_is_final_for_each_file(files: list[Part10File]) -> None:
    with raw_pacs(Manners(accepts=lambda *_: 3)) as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs) == ["released"]
    assert sending.error is None
    assert sending.kinds == [Outcome.FINAL] * 5
    reason = sending.outcomes["1.2.3.1"].reason
    assert "it does not support the SOP class; it accepts nothing of what was proposed" in reason
    assert pacs.names == []


def test_a_private_class_is_named_by_its_uid(tmp_path: Path) -> None:
    private = write_file(tmp_path, sop_class_uid="1.2.840.99999.1", transfer_syntax_uid="1.2.840.99999.2")
    with raw_pacs(Manners(accepts=lambda *_: 1)) as pacs:
        reason = send(pacs.peer, [private]).outcomes["1.2.3"].reason
    assert "the unknown 1.2.840.99999.1 in the unknown 1.2.840.99999.2: its user refuses" in reason


@pytest.mark.parametrize("how", [Association.close, Association.reset])
def test_a_connection_that_ends_in_mid_file_is_transient(large: Part10File, how: Callable[[Association], None]) -> None:
    with raw_pacs(Manners(interrupt_after_bytes=300_000, interrupt=how)) as pacs:
        sending = send(pacs.peer, [large])
    assert isinstance(sending.error, PeerUnavailable)
    assert sending.kinds == [Outcome.TRANSIENT]
    assert "broke while data was sent: the connection broke:" in str(sending.error)
    assert pacs.names == []


def test_an_abort_in_mid_file_is_read_though_sending_failed(large: Part10File) -> None:
    def abort(association: Association) -> None:
        association.send_pdu(7, bytes((0, 0, 2, 6)))
        association.close()

    with raw_pacs(Manners(interrupt_after_bytes=300_000, interrupt=abort)) as pacs:
        sending = send(pacs.peer, [large])
    assert "the peer aborted: invalid PDU parameter value" in str(sending.error)


def test_an_archive_that_stops_reading_in_mid_file_is_given_up_in_time(large: Part10File) -> None:
    began = time.monotonic()
    with raw_pacs(Manners(interrupt_after_bytes=300_000, interrupt=Association.say_nothing)) as pacs:
        sending = send(pacs.peer, [large], Timeouts(send_seconds=0.5))
        assert time.monotonic() - began < 10
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error).endswith("broke while data was sent: the peer stopped reading")


def test_an_archive_that_trickles_ends_at_the_deadline_of_the_file(large: Part10File) -> None:
    """It reads a little all the time, so that no single call times out."""
    timeouts = Timeouts(answer_seconds=0.5, slowest_bytes_per_second=32_000_000)
    began = time.monotonic()
    with raw_pacs(Manners(bytes_per_second=2_000_000)) as pacs:
        sending = send(pacs.peer, [large], timeouts)
        assert 0.9 < time.monotonic() - began < 3
    assert str(sending.error).endswith("broke while data was sent: the peer reads too slowly")


def test_an_archive_that_reads_twenty_megabytes_a_second_gets_the_file(large: Part10File) -> None:
    with raw_pacs(Manners(bytes_per_second=20_000_000)) as pacs:
        assert send(pacs.peer, [large]).stored == ["1.2.9"]
    assert [stored.crc32c for stored in pacs.stored] == [checksum_of(large)]


@pytest.mark.parametrize("max_pdu_bytes", [8, 9, 17, 128, 1000, 16_384, 131_072, 1 << 31, 0])
def test_no_pdu_is_longer_than_the_archive_takes(tmp_path: Path, max_pdu_bytes: int) -> None:
    """Zero is no limit. The archive fails the test for a PDU that is longer, or a fragment of odd length."""
    file = write_file(tmp_path, pixels=bytes(range(256)) * (40 if max_pdu_bytes < 1000 and max_pdu_bytes else 8000))
    with raw_pacs(Manners(max_pdu_bytes=max_pdu_bytes)) as pacs:
        sending = send(pacs.peer, [file, file])
        assert sending.stored == ["1.2.3"], sending
    assert [stored.crc32c for stored in pacs.stored] == [checksum_of(file)] * 2


def test_an_archive_whose_maximum_holds_nothing_is_told_so(files: list[Part10File]) -> None:
    with raw_pacs(Manners(max_pdu_bytes=7)) as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs) == ["aborted"]
    assert "its maximum PDU length of 7 holds nothing" in str(sending.error)


def test_an_answer_to_another_message_ends_the_association(files: list[Part10File]) -> None:
    with raw_pacs(Manners(answer=lambda association, number: association.answer(0, message_id=77))) as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs) == ["aborted"]
    assert sending.stored == []
    assert str(sending.error) == f"{pacs.peer} broke the rules of DICOM: message 77 was answered, which is not open"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (4, b"\0\0\0\6\1\3garb"),
        (4, b"\0\0\0\6\1\2data"),
        (4, b"\0\0\xff\xff\1\3"),
        (2, bytes(70)),
        (0x48, b"TTP/1.1 400"),
        (4, bytes(200_000)),
    ],
    ids=["no command set", "a data set", "a PDV too long", "an acceptance", "HTTP", "a PDU too long"],
)
def test_garbage_ends_the_association_and_counts_as_no_answer(files: list[Part10File], kind: int, body: bytes) -> None:
    with raw_pacs(Manners(answer=lambda association, number: association.send_pdu(kind, body))) as pacs:
        sending = send(pacs.peer, files)
    assert sending.stored == []
    assert "broke the rules of DICOM" in str(sending.error)


def test_a_release_in_place_of_an_answer_is_no_answer(files: list[Part10File]) -> None:
    with raw_pacs(Manners(answer=lambda association, number: association.send_pdu(5, bytes(4)))) as pacs:
        sending = send(pacs.peer, files)
    assert "the peer released the association" in str(sending.error)


def test_an_archive_that_does_not_confirm_the_release_changes_nothing(files: list[Part10File]) -> None:
    def answer(association: Association, number: int) -> None:
        association.answer(0)
        association.say_nothing()

    with raw_pacs(Manners(answer=answer)) as pacs:
        sending = send(pacs.peer, files[:1], Timeouts(release_seconds=0.2))
    assert (sending.stored, sending.error) == (["1.2.3.1"], None)


def test_both_may_ask_for_the_release_at_once(files: list[Part10File]) -> None:
    def answer(association: Association, number: int) -> None:
        association.answer(0)
        association.send_pdu(5, bytes(4))

    with raw_pacs(Manners(answer=answer)) as pacs:
        sending = send(pacs.peer, files[:1])
    assert (sending.stored, sending.error) == (["1.2.3.1"], None)


def test_a_connection_that_is_refused_is_transient(files: list[Part10File]) -> None:
    peer = Peer("127.0.0.1", free_port(), "PACS", "MIG")
    sending = send(peer, files)
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error) == f"PACS at 127.0.0.1:{peer.port} can't be reached: connection refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "bad..name"])
def test_a_name_that_is_not_resolved_is_transient(files: list[Part10File], host: str) -> None:
    sending = send(Peer(host, 104, "PACS", "MIG"), files)
    assert isinstance(sending.error, PeerUnavailable)
    assert f"PACS at {host}:104 can't be reached: " in str(sending.error)


def test_a_host_that_swallows_connections_is_given_up_in_time(files: list[Part10File]) -> None:
    with socket.socket() as full:  # nobody accepts, and its queue is full: the next connection is not answered
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            peer = Peer("127.0.0.1", full.getsockname()[1], "PACS", "MIG")
            sending = send(peer, files, Timeouts(connect_seconds=0.3))
    assert str(sending.error).endswith("can't be reached: no answer in time")


def test_a_stop_ends_between_two_files_and_releases_the_association(files: list[Part10File]) -> None:
    stopping = threading.Event()

    def answer(association: Association, number: int) -> None:
        if number == 2:
            stopping.set()
        association.answer(0)

    with raw_pacs(Manners(answer=answer)) as pacs:
        sending = send(pacs.peer, files, stopping=stopping)
        assert until_ended(pacs) == ["released"]
    assert (sending.stored, sending.error) == (names(1, 2), None)
    assert pacs.names == names(1, 2)


def test_an_association_that_has_ended_says_so(files: list[Part10File]) -> None:
    with raw_pacs() as pacs, StoreAssociation.open(pacs.peer, HASTY, files) as association:
        association.send(files[0])
        association.wait_for_answer()
        assert [outcome.is_stored for _, outcome in association.answered()] == [True]
        association.release()
        with pytest.raises(PeerUnavailable, match="has ended"):
            association.send(files[1])
        association.abort()
    assert pacs.endings == ["released"]


def test_a_caller_that_breaks_off_aborts_the_association(files: list[Part10File]) -> None:
    with raw_pacs() as pacs:
        sent = store_files(pacs.peer, HASTY, files, NeverStopping())
        next(sent)
        sent.close()  # type: ignore[attr-defined]  # it is a generator
        assert until_ended(pacs) == ["aborted"]


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_file_that_became_shorter_fails_alone(files: list[Part10File], at_once: int) -> None:
    with files[1].path.open("r+b") as file:
        file.truncate(files[1].bytes - 10)
    with raw_pacs(Manners(operations=at_once)) as pacs:
        sending = send(pacs.peer, files, at_once=at_once)
        assert until_ended(pacs) == ["released"]
    assert sending.error is None
    assert sending.outcomes["1.2.3.2"].outcome is Outcome.FINAL
    assert (
        sending.outcomes["1.2.3.2"].reason == "the file of instance 1.2.3.2 can't be read: it is not as long as it was"
    )
    assert sending.stored == pacs.names == names(1, 3, 4, 5)


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_file_that_becomes_shorter_on_its_way_ends_the_association_and_fails_alone(
    tmp_path: Path, at_once: int
) -> None:
    sizes = {"1.2.3.1": 2, "1.2.3.2": 10**8, "1.2.3.3": 2}
    first, large, last = (write_file(tmp_path, name, pixels=bytes(size)) for name, size in sizes.items())

    def cut(association: Association) -> None:
        os.truncate(large.path, 1000)

    def answer(association: Association, number: int) -> None:
        if at_once == 1:
            association.answer(0)

    manners = Manners(operations=at_once, answer=answer, interrupt_after_bytes=10**6, interrupt=cut)
    with raw_pacs(manners) as pacs:
        sending = send(pacs.peer, [first, large, last], at_once=at_once)
        assert until_ended(pacs) == ["aborted"]
    assert str(sending.error) == f"the association with {pacs.peer} has ended"
    kinds = {name: outcome.outcome for name, outcome in sending.outcomes.items()}
    assert kinds == {"1.2.3.1": Outcome.STORED if at_once == 1 else Outcome.TRANSIENT, "1.2.3.2": Outcome.FINAL}


def test_more_contexts_than_an_association_has_take_several(tmp_path: Path) -> None:
    files = [write_file(tmp_path, f"1.2.3.{n}", sop_class_uid=f"1.2.840.99999.{n}") for n in range(300)]
    with raw_pacs() as pacs:
        sending = send(pacs.peer, files)
        assert until_ended(pacs, 3) == ["released"] * 3
    assert len(sending.stored) == 300
    assert len(set(pacs.names)) == 300


def test_one_association_carries_all_files(tmp_path: Path) -> None:
    files = [write_file(tmp_path, "1.2.3.1"), write_file(tmp_path, "1.2.3.2", transfer_syntax_uid=JPEG_2000)]
    with raw_pacs() as pacs:
        send(pacs.peer, files)
        assert until_ended(pacs) == ["released"]
    assert [stored.transfer_syntax_uid for stored in pacs.stored] == [EXPLICIT_LITTLE, JPEG_2000]
