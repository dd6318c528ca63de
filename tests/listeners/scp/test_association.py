"""An accepted association: every rule of PS3.8 that a receiver keeps, and every status of C-STORE."""

import struct
import time
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.config import ApplicationEntitySettings
from gateway.disk.room import LOOK_AGAIN_SECONDS, Room
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, Scene, data_set
from tests.listeners.scp.raw_peer import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_FIND_RQ,
    C_STORE_RQ,
    COMMAND,
    DATA,
    LAST,
    RawPeer,
    command,
)
from tests.listeners.scp.receiver import Receiver, receiving
from tests.waiting import wait_until

MR = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def modality(receiver: Receiver) -> Iterator[RawPeer]:
    with RawPeer(receiver.port) as peer:
        peer.associate((CT, [EXPLICIT_LITTLE]), (MR, [EXPLICIT_LITTLE]))
        yield peer


def aborted(peer: RawPeer) -> bool:
    """Whether the receiver aborts as the service provider, and closes."""
    kind, body = peer.read_pdu()
    return kind == 7 and body[2] == 2 and peer.is_closed()


def test_the_data_set_is_filed_byte_for_byte(receiver: Receiver, modality: RawPeer) -> None:
    sent = data_set(pixels=bytes(range(256)) * 300)
    assert modality.store(sent) == 0
    (stored,) = receiver.stored()
    assert stored.endswith(sent)
    assert stored[128:132] == b"DICM"
    assert b"CT01" in stored[: -len(sent)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_fragments_come_in_any_number_size_and_company(receiver: Receiver, data: st.DataObject) -> None:
    sent = data_set(pixels=bytes(600))
    encoded = command(C_STORE_RQ)
    pdvs = [(1, COMMAND | last, piece) for piece, last in pieces(encoded, data)]
    pdvs += [(1, DATA | last, piece) for piece, last in pieces(sent, data)]
    with RawPeer(receiver.port) as peer:
        peer.associate()
        while pdvs:
            together = data.draw(st.integers(1, len(pdvs)), label="PDVs in one PDU")
            peer.send_pdvs(*pdvs[:together])
            del pdvs[:together]
        assert peer.read_response()[0x0900] == 0
    assert receiver.stored()[-1].endswith(sent)


def pieces(whole: bytes, data: st.DataObject) -> list[tuple[bytes, int]]:
    cuts = sorted(set(data.draw(st.lists(st.integers(0, len(whole)), max_size=6), label="cuts")))
    bounds = [0, *cuts, len(whole)]
    parts = [whole[a:b] for a, b in pairwise(bounds)]
    return [(part, LAST if number == len(parts) - 1 else 0) for number, part in enumerate(parts)]


def test_several_messages_may_stand_in_one_pdu(modality: RawPeer, receiver: Receiver) -> None:
    """As a sender with an asynchronous operations window may send them."""
    pdvs = []
    for number in range(3):
        sop = f"1.2.3.{number}"
        pdvs += [(1, COMMAND | LAST, command(C_STORE_RQ, sop=sop, message_id=number)), (1, LAST, data_set(sop=sop))]
    modality.send_pdvs(*pdvs)
    assert [modality.read_response()[0x0120] for _ in range(3)] == [0, 1, 2]
    assert len(receiver.stored()) == 3


def test_a_pdu_of_the_maximum_is_taken_and_a_longer_one_is_not(tmp_path: Path) -> None:
    with receiving(tmp_path, max_pdu_bytes=262_144) as receiver:
        with RawPeer(receiver.port) as peer:
            peer.associate()
            assert peer.max_pdu_bytes == 262_144
            sent = data_set(pixels=bytes(600_000))
            assert peer.store(sent, fragment=peer.max_pdu_bytes - 6) == 0
        with RawPeer(receiver.port) as peer:
            peer.associate()
            peer.socket.sendall(struct.pack(">BxI", 4, 262_145))
            assert aborted(peer)


@pytest.mark.parametrize(
    "pdvs",
    [
        [(1, DATA | LAST, b"data before its command")],
        [(1, COMMAND | LAST, command(C_STORE_RQ)), (1, COMMAND | LAST, command(C_STORE_RQ))],
        [(1, COMMAND | LAST, command(C_STORE_RQ)), (3, DATA | LAST, b"on another context")],
        [(9, COMMAND | LAST, command(C_STORE_RQ))],
        [(1, COMMAND | LAST, b"\0\0\0\1\2\0\0\0")],
        [(1, COMMAND | LAST, b"not a command set at all")],
        [(1, COMMAND | LAST, command(0x8001))],
        [(1, COMMAND, bytes(70_000))],
    ],
    ids=[
        "data first",
        "two commands",
        "interleaved contexts",
        "a context not accepted",
        "a cut command",
        "garbage",
        "a response",
        "a command without end",
    ],
)
def test_fragments_that_cannot_come_now_abort_the_association(
    receiver: Receiver, modality: RawPeer, pdvs: list[tuple[int, int, bytes]]
) -> None:
    modality.send_pdvs(*pdvs)
    assert aborted(modality)
    assert receiver.stored() == []


@pytest.mark.parametrize("body", [b"\0\0\0\xff\1\3", b"\0\0\0\1\1\3", b"\0\0"], ids=["too long", "too short", "cut"])
def test_a_pdv_that_does_not_fit_its_pdu_aborts_the_association(modality: RawPeer, body: bytes) -> None:
    modality.send_pdu(4, body)
    assert aborted(modality)


@pytest.mark.parametrize("kind", [0x01, 0x02, 0x03, 0x06, 0x08, 0x55])
def test_a_pdu_that_cannot_come_now_aborts_the_association(modality: RawPeer, kind: int) -> None:
    modality.send_pdu(kind, bytes(68))
    assert aborted(modality)


@pytest.mark.parametrize("how", ["abort", "close", "reset"])
def test_an_association_that_breaks_in_mid_instance_keeps_the_whole_ones(
    receiver: Receiver, modality: RawPeer, how: str
) -> None:
    whole = data_set(sop="1.2.3.1")
    assert modality.store(whole, sop="1.2.3.1") == 0
    modality.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ, sop="1.2.3.2")))
    modality.send_pdvs((1, DATA, data_set(sop="1.2.3.2")[:200]))
    if how == "abort":
        modality.send_pdu(7, bytes(4))
        assert modality.is_closed()
    elif how == "reset":
        modality.socket.setsockopt(*_RESET)
    modality.socket.close()
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
    assert [stored.endswith(whole) for stored in receiver.stored()] == [True]
    assert len(receiver.files()) == 1


_RESET = (1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER


@pytest.mark.parametrize(
    "sent", [b"", b"\4\0\0\0", struct.pack(">BxI", 4, 100) + bytes(50)], ids=["nothing", "a header", "a half"]
)
def test_an_association_that_stalls_is_closed(tmp_path: Path, sent: bytes) -> None:
    with receiving(tmp_path, idle_seconds=0.3) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        peer.socket.sendall(sent)
        assert peer.is_closed()


def broken(logs: list[MutableMapping[str, Any]]) -> list[str]:
    """Why associations broke."""
    return [log["reason"] for log in logs if log["event"] == "association broken"]


def test_a_peer_that_trickles_is_closed_when_its_pdu_takes_too_long(tmp_path: Path) -> None:
    """Whether it sees the end or a reset is a matter of what it had sent by then."""
    with (
        capture_logs() as logs,
        receiving(tmp_path, idle_seconds=0.2) as receiver,
        RawPeer(receiver.port) as peer,
        suppress(BrokenPipeError, ConnectionResetError),
    ):
        peer.associate()
        peer.socket.sendall(struct.pack(">BxI", 4, 10_000))
        while not broken(logs):
            peer.socket.sendall(b"\0")
            time.sleep(0.01)
        assert peer.is_closed()
    assert broken(logs) == ["the peer did not end its PDU in time"]


@pytest.mark.parametrize(
    ("sent", "status", "comment"),
    [
        (data_set(study=""), 0xC000, "StudyInstanceUID is missing"),
        (data_set(series=""), 0xC000, "SeriesInstanceUID is missing"),
        (data_set(sop=""), 0xC000, "SOPInstanceUID is missing"),
        (data_set(study="1.2.x"), 0xC000, "StudyInstanceUID is malformed"),
        (data_set(study="../../../etc"), 0xC000, "StudyInstanceUID is malformed"),
        (data_set(sop="9.9.9"), 0xA900, "SOPInstanceUID is not that of the command"),
        (data_set(sop_class=MR), 0xA900, "SOPClassUID is not that of the command"),
        (data_set()[:34] + data_set(), 0xC000, "(0008,0016) stands twice"),
        (b"\xff" * 40, 0xC000, "StudyInstanceUID is missing"),
        (data_set()[:30], 0xC000, "StudyInstanceUID is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_data_set_without_its_identifiers_is_refused_with_a_comment(
    receiver: Receiver, modality: RawPeer, sent: bytes, status: int, comment: str
) -> None:
    assert modality.store(sent) == status
    assert modality.error_comment == comment[:64]
    assert receiver.stored() == []
    assert modality.store(data_set()) == 0, "the association goes on"


@pytest.mark.parametrize("sop", ["", "1..2", "abc", "1." * 40])
def test_a_command_without_its_identifiers_is_refused(receiver: Receiver, modality: RawPeer, sop: str) -> None:
    assert modality.store(data_set(), sop=sop) == 0xC000
    assert "AffectedSOPInstanceUID is" in modality.error_comment
    assert receiver.stored() == []


def test_a_store_without_a_data_set_is_refused(modality: RawPeer) -> None:
    modality.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ, data_set=False)))
    assert modality.read_response()[0x0900] == 0xC000


def test_no_storage_left_during_an_association_is_a700(receiver: Receiver, modality: RawPeer) -> None:
    assert modality.store(data_set(sop="1.2.3.1"), sop="1.2.3.1") == 0
    roomy = receiver.spool.intake.room
    receiver.spool.intake.room = Room(receiver.spool.root, reserve_bytes=1 << 60)
    receiver.spool.clock.move(LOOK_AGAIN_SECONDS)
    assert modality.store(data_set(sop="1.2.3.2"), sop="1.2.3.2") == 0xA700
    receiver.spool.intake.room = roomy
    assert modality.store(data_set(sop="1.2.3.2"), sop="1.2.3.2") == 0
    assert len(receiver.stored()) == 2


@pytest.mark.parametrize(("refuse", "status"), [(False, 0x0000), (True, 0x0122)])
@pytest.mark.parametrize(
    "lists", [{"ignored_sop_classes": [CT]}, {"allowed_sop_classes": [MR]}], ids=["ignored", "not allowed"]
)
def test_an_ignored_class_is_answered_as_the_ae_says_and_not_filed(
    tmp_path: Path, lists: dict[str, list[str]], *, refuse: bool, status: int
) -> None:
    entity = ApplicationEntitySettings.model_validate({"ae_title": "MIG", "refuse_ignored": refuse, **lists})
    with receiving(tmp_path, entity) as receiver, RawPeer(receiver.port) as peer:
        peer.associate((CT, [EXPLICIT_LITTLE]))
        assert peer.store(data_set(sop_class=MR), sop_class=MR) == 0
        assert peer.store(data_set(sop="1.2.4"), sop="1.2.4") == status
        assert len(receiver.stored()) == 1


def test_an_operation_that_is_not_offered_is_answered_0211(modality: RawPeer) -> None:
    modality.send_pdvs((1, COMMAND | LAST, command(C_FIND_RQ)), (1, DATA | LAST, b"a query"))
    response = modality.read_response()
    assert (response[0x0100], response[0x0900]) == (0x8020, 0x0211)


def test_a_cancel_has_no_answer_and_an_echo_after_it_has_one(modality: RawPeer) -> None:
    modality.send_pdvs((1, COMMAND | LAST, command(C_CANCEL_RQ, data_set=False)))
    modality.send_pdvs((1, COMMAND | LAST, command(C_ECHO_RQ, data_set=False)))
    assert modality.read_response()[0x0100] == 0x8030


def test_an_association_holds_its_groups_while_it_sends_anything(receiver: Receiver, modality: RawPeer) -> None:
    modality.store(data_set())
    spool: Scene = receiver.spool
    for _ in range(4):
        assert spool.pass_time(20) == []
        modality.send_pdvs((1, COMMAND | LAST, command(C_ECHO_RQ, data_set=False)))
        modality.read_response()
    modality.release()
    modality.socket.close()
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
    assert len(spool.pass_time(5)) == 1
