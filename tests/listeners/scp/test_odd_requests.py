"""Association requests of odd devices are taken, and those of strangers cost next to nothing."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.associations.record import Outcome
from gateway.config import SourceSettings
from gateway.dimse.connection import Connection
from listeners.scp.association import IncomingAssociation
from tests.listeners.scp.raw_peer import C_ECHO_RQ, COMMAND, LAST, VERIFICATION, RawPeer, command
from tests.listeners.scp.receiver import Receiver, receiving
from tests.listeners.scp.requests import (
    APPLICATION,
    DICOM,
    IMPLICIT_LITTLE,
    USER,
    body,
    context,
    item,
    largest,
)

CT = b"1.2.840.10008.5.1.4.1.1.2"
ECHO = VERIFICATION.encode()
MOST_CPU_SECONDS = 0.005


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """One that knows its sender."""
    source = SourceSettings(ae_title="CT01", host="127.0.0.1")
    with receiving(tmp_path, sources=(source,), reject_unknown_sources=True) as receiver:
        yield receiver


def ask(peer: RawPeer, request: bytes) -> tuple[int, bytes]:
    peer.send_pdu(1, request)
    return peer.read_pdu()


_FULL_USER = item(
    0x50,
    item(0x58, b"\1\1\0\4user\0\0")  # user identity, an answer wanted
    + item(0x56, b"\0\x11" + ECHO + b"\1\0")  # SOP class extended negotiation
    + item(0x57, b"\0\x11" + ECHO + b"\0\x11" + ECHO + b"\0\0")  # common extended
    + item(0x54, b"\0\x11" + ECHO + b"\1\1")  # roles
    + item(0x53, struct.pack(">HH", 0, 0))  # operations window
    + item(0xEE, b"a vendor's own")
    + item(0x52, b"not a UID"),
)
ODD = {
    "titles padded with NUL": body(called=b"MIG".ljust(16, b"\0"), calling=b"CT01".ljust(16, b"\0")),
    "rubbish behind the NUL of a title": body(called=b"MIG\0\xff\xfe\1"),
    "titles that begin with blanks": body(called=b"  MIG", calling=b" CT01"),
    "UIDs padded with NUL": body([item(0x10, DICOM + b"\0"), context(1, ECHO + b"\0", IMPLICIT_LITTLE + b"\0"), USER]),
    "UIDs padded with a blank": body([item(0x10, DICOM + b" "), context(1, ECHO + b" ", IMPLICIT_LITTLE + b" "), USER]),
    "unknown items": body([item(0x99, b"?"), APPLICATION, context(), item(0x11, b""), USER]),
    "items out of order": body([USER, context(), APPLICATION]),
    "transfer syntax before abstract syntax": body(
        [APPLICATION, item(0x20, b"\1\0\0\0" + item(0x40, IMPLICIT_LITTLE) + item(0x30, ECHO)), USER]
    ),
    "no implementation class UID": body([APPLICATION, context(), item(0x50, item(0x51, b"\0\0\x40\0"))]),
    "no maximum length": body([APPLICATION, context(), item(0x50, item(0x52, b"1.2.3"))]),
    "an empty user information": body([APPLICATION, context(), item(0x50, b"")]),
    "no user information": body([APPLICATION, context()]),
    "all that there is to negotiate": body([APPLICATION, context(), _FULL_USER]),
    "more versions of the protocol": body(version=0xFFFF),
    "names that are none": body([APPLICATION, context(), context(3, b"\1\xff", b"\2"), USER]),
}  # fmt: skip


@pytest.mark.parametrize("request_body", ODD.values(), ids=ODD)
def test_a_device_that_is_odd_but_clear_is_served(receiver: Receiver, request_body: bytes) -> None:
    with RawPeer(receiver.port) as peer:
        kind, answer = ask(peer, request_body)
        assert kind == 2
        assert answer[4:68] == request_body[4:68], "PS3.8 table 9-17: sent as it was received"
        peer.send_pdvs((1, COMMAND | LAST, command(C_ECHO_RQ, VERIFICATION, data_set=False)))
        assert peer.read_response()[0x0900] == 0
        peer.release()
    (record,) = receiver.kept()
    assert (record.outcome, record.calling_ae, record.called_ae) == (Outcome.RELEASED, "CT01", "MIG")


@pytest.mark.parametrize(
    ("odd", "result", "named"),
    [
        (item(0x20, b"\3\0\0\0" + item(0x30, CT)), 4, "CT Image Storage in no transfer syntax"),
        (context(3, CT, b"none"), 4, "CT Image Storage in no transfer syntax"),
        (item(0x20, b"\3\0\0\0" + item(0x40, IMPLICIT_LITTLE)), 3, "a context without an abstract syntax"),
        (item(0x20, b"\3\0\0\0"), 3, "a context without an abstract syntax"),
        (context(3, b"1.2\n2026-11-27 info"), 3, "1.2?2026-11-27 info"),
    ],
)
def test_a_context_that_says_too_little_is_refused_and_named_and_the_others_are_taken(
    receiver: Receiver, odd: bytes, result: int, named: str
) -> None:
    with RawPeer(receiver.port) as peer:
        kind, answer = ask(peer, body([APPLICATION, context(), odd, USER]))
        assert kind == 2
        assert bytes((3, 0, result, 0)) in answer
        peer.release()
    (record,) = receiver.kept()
    assert (record.contexts_proposed, record.contexts_accepted) == (2, 1)
    assert record.reason == f"not served here: {named}"


def test_contexts_that_can_not_be_told_apart_are_named(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        kind, abort = ask(peer, body([APPLICATION, context(1), context(2), context(3), context(3), USER]))
        assert (kind, abort[2:]) == (7, b"\2\6")
        assert peer.is_closed()
    (record,) = receiver.kept()
    assert (record.outcome, record.calling_ae) == (Outcome.UNHEARD, "CT01")
    assert record.reason == "presentation context ids are wrong: 2 even, 3 repeated"
    assert record.refuses


def test_a_request_that_is_longer_than_any_is_not_read(tmp_path: Path) -> None:
    """Also where messages may be longer."""
    with receiving(tmp_path, max_pdu_bytes=1_000_000) as receiver, RawPeer(receiver.port) as peer:
        peer.socket.sendall(struct.pack(">BxI", 1, 300_000))
        kind, abort = peer.read_pdu()
        assert (kind, abort[2:]) == (7, b"\2\6")


@pytest.mark.parametrize(
    ("called", "calling", "codes"), [(b"MIG", b"\x1b[2J\r\nX", (1, 1, 3)), (b"NOBODY", b"CT01", (1, 1, 7))]
)
def test_a_strangers_request_costs_next_to_nothing_and_one_line(
    receiver: Receiver, called: bytes, calling: bytes, codes: tuple[int, int, int]
) -> None:
    """Counted is the CPU of the thread that serves it, all in: with a mutex of others it would not be."""
    request = body(largest(), called=called, calling=calling)
    assert len(request) > 250_000
    spent = []
    for _ in range(3):  # the first may import something
        ours, theirs = socket.socketpair()
        with closing(theirs), capture_logs() as logs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
            theirs.sendall(struct.pack(">BxI", 1, len(request)) + request)
            theirs.shutdown(socket.SHUT_WR)
            connection = Connection(_without_tcp(ours), 262_144)
            began = time.thread_time()
            IncomingAssociation(receiver.services, connection, "127.0.0.1", 1).run()
            spent.append(time.thread_time() - began)
            answer = theirs.recv(100)
        assert answer == struct.pack(">BxIx", 3, 4) + bytes(codes)
        assert [(log["event"], log["log_level"]) for log in logs] == [("association rejected", "warning")]
    print(f"{1000 * min(spent):.2f} ms of CPU")
    assert min(spent) < MOST_CPU_SECONDS
    assert all(record.outcome is Outcome.REJECTED for record in receiver.kept())


def test_the_largest_request_of_a_known_sender_is_given_up_at_a_bound(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        kind, abort = ask(peer, body(largest()))
        assert (kind, abort[2:]) == (7, b"\2\6")
    (record,) = receiver.kept()
    assert record.reason == "the association request has more than 16,384 items"


class _LocalSocket(socket.socket):
    """One end of a pair, which has no options of TCP."""

    def setsockopt(self, level: int, option: int, value: object) -> None:  # type: ignore[override]
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, option, value)  # type: ignore[call-overload]


def _without_tcp(connected: socket.socket) -> socket.socket:
    return _LocalSocket(fileno=connected.detach())
