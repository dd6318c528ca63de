"""Who may come in, and in which presentation contexts."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.config import ApplicationEntitySettings, SourceSettings
from gateway.disk.room import Room
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, data_set
from tests.listeners.scp.raw_peer import C_ECHO_RQ, COMMAND, LAST, VERIFICATION, RawPeer, command
from tests.listeners.scp.receiver import MIG, Receiver, receiving
from tests.waiting import wait_until

IMPLICIT_LITTLE, JPEG_2000, PRIVATE_SYNTAX = "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.90", "1.3.46.670589.33.1.4.1"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path) as receiver:
        yield receiver


def codes(answer: tuple[int, bytes]) -> str:
    """Result, source and reason of an A-ASSOCIATE-RJ."""
    kind, body = answer
    assert kind == 3, f"PDU type {kind} came, not A-ASSOCIATE-RJ"
    return "/".join(str(code) for code in body[1:4])


def test_an_echo_is_answered(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate((VERIFICATION, [IMPLICIT_LITTLE]))
        peer.send_pdvs((1, COMMAND | LAST, command(C_ECHO_RQ, VERIFICATION, data_set=False)))
        response = peer.read_response()
        assert (response[0x0100], response[0x0120], response[0x0900]) == (0x8030, 7, 0)
        peer.release()
        assert peer.is_closed()


@pytest.mark.parametrize(("asked", "granted"), [(None, None), ((1, 1), (1, 1)), ((8, 1), (8, 1)), ((0, 0), (0, 1))])
def test_a_window_of_operations_is_granted_as_it_is_asked_for(
    receiver: Receiver, asked: tuple[int, int] | None, granted: tuple[int, int] | None
) -> None:
    """PS3.7 section D.3.3.3: operations invoked by the sender, and performed by it, of which it will see none."""
    with RawPeer(receiver.port) as peer:
        peer.associate(window=asked)
        assert peer.window == granted


def test_an_unknown_called_ae_title_is_rejected_1_1_7_and_the_association_ends(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        assert codes(peer.associate(called_ae="NOBODY")) == "1/1/7"
        peer.send_pdvs((1, COMMAND | LAST, command(C_ECHO_RQ, VERIFICATION, data_set=False)))
        assert peer.is_closed()
    assert receiver.files() == []


@pytest.mark.parametrize(
    ("host", "calling_ae", "known"),
    [
        ("127.0.0.1", "CT01", True),
        ("127.0.0.0/8", "CT01", True),
        ("scanner.hospital", "CT01", True),
        ("127.0.0.1", "CT02", False),
        ("10.0.0.0/8", "CT01", False),
        ("elsewhere.hospital", "CT01", False),
    ],
)
def test_a_source_is_known_by_its_ae_title_and_address_name_or_network(
    tmp_path: Path, host: str, calling_ae: str, *, known: bool
) -> None:
    names = {"scanner.hospital": frozenset({"127.0.0.1"}), "elsewhere.hospital": frozenset({"10.9.9.9"})}
    source = SourceSettings(ae_title="CT01", host=host)
    with (
        receiving(tmp_path, sources=(source,), reject_unknown_sources=True, resolve=names.__getitem__) as receiver,
        RawPeer(receiver.port) as peer,
    ):
        kind, body = peer.associate(calling_ae=calling_ae)
        assert (kind, known or codes((kind, body))) == (2 if known else 3, known or "1/1/3")
        if not known:
            peer.send_pdvs((1, COMMAND | LAST, command(1)), (1, LAST, data_set()))
            assert peer.is_closed()
            assert receiver.files() == []


def test_a_sender_without_a_name_is_rejected_even_where_anybody_may_send(receiver: Receiver) -> None:
    """An event names its source, so there must be one."""
    with RawPeer(receiver.port) as peer:
        assert codes(peer.associate(calling_ae="")) == "1/1/3"


def test_one_port_serves_several_ae_titles(tmp_path: Path) -> None:
    with receiving(tmp_path, MIG, ApplicationEntitySettings(ae_title="OTHER")) as receiver:
        for called_ae in ("MIG", "OTHER"):
            with RawPeer(receiver.port) as peer:
                assert peer.associate(called_ae=called_ae)[0] == 2
                assert peer.store(data_set()) == 0
        assert len(receiver.spool.intake.open_groups()) == 2


def test_more_associations_than_the_limit_are_rejected_2_3_2(tmp_path: Path) -> None:
    with (
        receiving(tmp_path, max_associations=2) as receiver,
        RawPeer(receiver.port) as one,
        RawPeer(receiver.port) as two,
    ):
        one.associate()
        two.associate()
        with RawPeer(receiver.port) as third:
            assert codes(third.associate()) == "2/3/2"
            assert third.is_closed()
        one.release()
        assert one.is_closed()
        with RawPeer(receiver.port) as again:
            assert again.associate()[0] == 2


def test_no_storage_left_is_rejected_2_3_1(receiver: Receiver) -> None:
    receiver.spool.intake.room = Room(receiver.spool.root, reserve_bytes=1 << 60)
    with RawPeer(receiver.port) as peer:
        assert codes(peer.associate()) == "2/3/1"


def test_another_application_context_and_another_protocol_are_rejected(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        assert codes(peer.associate(application_context="1.2.3")) == "1/1/2"
    with RawPeer(receiver.port) as peer:
        assert codes(peer.associate(protocol_version=2)) == "1/2/2"


def test_every_storage_class_is_taken_in_the_first_syntax_proposed(receiver: Receiver) -> None:
    proposed = [
        (CT, [JPEG_2000, EXPLICIT_LITTLE]),
        ("1.2.840.10008.5.1.4.1.1.5", [IMPLICIT_LITTLE]),  # Nuclear Medicine Image Storage, retired
        ("1.3.12.2.1107.5.9.1", [PRIVATE_SYNTAX]),  # a vendor's own
        ("1.2.840.10008.5.1.4.1.2.2.1", [IMPLICIT_LITTLE]),  # Study Root Query/Retrieve FIND
        (VERIFICATION, [JPEG_2000, EXPLICIT_LITTLE]),
        (VERIFICATION, [JPEG_2000]),
        ("1.2.840.10008.1.20.1", [IMPLICIT_LITTLE]),  # Storage Commitment Push Model
    ]
    with RawPeer(receiver.port) as peer:
        peer.associate(*proposed)
        assert peer.contexts == {1: JPEG_2000, 3: IMPLICIT_LITTLE, 5: PRIVATE_SYNTAX, 9: EXPLICIT_LITTLE}


@pytest.mark.parametrize("body", [b"", b"\0" * 30, b"\0\1\0\0MIG".ljust(20) + b"CT01".ljust(48) + b"\x10\0\xff\xff"])
def test_a_request_that_cannot_be_read_is_aborted(receiver: Receiver, body: bytes) -> None:
    with RawPeer(receiver.port) as peer:
        peer.send_pdu(1, body)
        kind, abort = peer.read_pdu()
        assert (kind, abort[2]) == (7, 2)
        assert peer.is_closed()


def test_a_connection_that_asks_for_nothing_is_closed_by_artim(tmp_path: Path) -> None:
    with receiving(tmp_path, artim_seconds=0.2) as receiver, RawPeer(receiver.port) as peer:
        assert peer.is_closed()


def test_a_look_whether_the_port_is_open_is_worth_no_warning(receiver: Receiver) -> None:
    with capture_logs() as logs:
        socket.create_connection(("127.0.0.1", receiver.port)).close()
        wait_until(lambda: logs, 30, "the end of the connection to be logged")
    assert [(log["event"], log["log_level"]) for log in logs] == [("association broken", "debug")]


def test_a_request_that_stalls_is_closed_by_artim(tmp_path: Path) -> None:
    with receiving(tmp_path, artim_seconds=0.2) as receiver, RawPeer(receiver.port) as peer:
        peer.socket.sendall(struct.pack(">BxI", 1, 200) + b"\0" * 50)
        assert peer.is_closed()


def test_a_connection_that_begins_with_something_else_is_aborted(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        kind, _ = peer.read_pdu()
        assert kind == 7
