"""An archive that does what a test wants done, byte for byte, and checks each rule that a sender has to keep.

It shares no code with the gateway: what it can read, others can.
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from crc32c import crc32c
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from gateway.dimse.peer import Peer
from tests.listeners.scp.raw_peer import elements, window_of_operations

_RESET = struct.pack("ii", 1, 0)
_PIECE_BYTES = 65_536
_MOMENT_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class Stored:
    """A C-STORE request that came in whole."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    bytes: int
    crc32c: int


class Over(Exception):
    """The association has ended. The text says how."""


def accept_all(abstract_syntax: str, transfer_syntax: str) -> int:
    return 0


def answer_success(association: "Association", number: int) -> None:
    association.answer(0)


@dataclass
class Manners:
    """How the archive behaves. `answer` is called with the number of the request, from 1, when that is whole.

    `operations` is the window that it grants; None: it does not speak of one, as most don't.
    """

    rejection: tuple[int, int, int] | None = None
    accepts: Callable[[str, str], int] = accept_all
    answer: Callable[["Association", int], None] = answer_success
    max_pdu_bytes: int = 16_384
    operations: int | None = None
    bytes_per_second: int | None = None
    interrupt_after_bytes: int | None = None
    interrupt: Callable[["Association"], None] = lambda association: None
    negotiate: Callable[["Association"], None] = lambda association: association.accept()


def answering(*statuses: int, comment: str = "") -> Manners:
    """Answers with these, one after the other, and with success from then on."""

    def answer(association: "Association", number: int) -> None:
        association.answer(statuses[number - 1] if number <= len(statuses) else 0, comment)

    return Manners(answer=answer)


class RawPacs:
    """What a test sees of it."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.stored: list[Stored] = []
        self.endings: list[str] = []
        self.violations: list[str] = []
        self.ending = threading.Event()
        self.listening = socket.socket()
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * _PIECE_BYTES)
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen()
        self.peer = Peer("127.0.0.1", int(self.listening.getsockname()[1]), "RAWPACS", "MIG")

    @property
    def names(self) -> list[str]:
        """The SOP Instance UIDs of what came in whole, in order; a resend stands there twice."""
        return [stored.sop_instance_uid for stored in self.stored]

    def serve(self) -> None:
        threads: list[threading.Thread] = []
        with suppress(OSError):
            while True:
                connected, _ = self.listening.accept()
                thread = threading.Thread(target=self._associate, args=(connected,))
                thread.start()
                threads.append(thread)
        for thread in threads:
            thread.join()

    def _associate(self, connected: socket.socket) -> None:
        association = Association(self, connected)
        try:
            association.run()
        except Over as over:
            self.endings.append(str(over))
        except OSError:
            self.endings.append("broken")
        except AssertionError as violation:
            self.violations.append(str(violation))
            self.endings.append("violated")
        finally:
            connected.close()


@dataclass
class Association:
    """One connection, and the message that is on its way."""

    pacs: RawPacs
    socket: socket.socket
    contexts: dict[int, tuple[str, str]] = field(default_factory=dict)
    context_id: int = 0
    command: dict[int, bytes] = field(default_factory=dict)
    came: int = 0
    began: float = field(default_factory=time.monotonic)
    request: A_ASSOCIATE_RQ | None = None

    def run(self) -> None:
        self._read_request()
        self.pacs.manners.negotiate(self)
        number = 0
        while True:
            self._read_message()
            number += 1
            self.pacs.manners.answer(self, number)

    def accept(self) -> None:
        """Answer the association request as the archive's manners are."""
        manners = self.pacs.manners
        if manners.rejection:
            answer = A_ASSOCIATE_RJ()
            answer.result, answer.source, answer.reason_diagnostic = manners.rejection
            self.socket.sendall(answer.encode())
            self.end("rejected")
        assert self.request is not None
        self.socket.sendall(self._acceptance(self.request.to_primitive()))

    def answer(self, status: int, comment: str = "", *, message_id: int | None = None) -> None:
        """Answer the request that came last."""
        values = {
            0x0002: self.command[0x0002],
            0x0100: struct.pack("<H", int.from_bytes(self.command[0x0100], "little") | 0x8000),
            0x0120: struct.pack("<H", self.message_id if message_id is None else message_id),
            0x0800: b"\1\1",
            0x0900: struct.pack("<H", status),
            0x0902: (comment + " " * (len(comment) % 2)).encode(),
        }
        body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in values.items() if value)
        encoded = struct.pack("<HHII", 0, 0, 4, len(body)) + body
        self.send_pdu(4, struct.pack(">IBB", len(encoded) + 2, self.context_id, 3) + encoded)

    @property
    def message_id(self) -> int:
        """Of the request that came last."""
        return int.from_bytes(self.command[0x0110], "little")

    @property
    def more_waits(self) -> bool:
        """Whether the sender goes on before it is answered: looked at for a moment."""
        return bool(select.select([self.socket], [], [], _MOMENT_SECONDS)[0])

    def send_pdu(self, kind: int, body: bytes) -> None:
        self.socket.sendall(struct.pack(">BxI", kind, len(body)) + body)

    def abort(self, source: int = 2, reason: int = 0) -> None:
        self.send_pdu(7, bytes((0, 0, source, reason)))
        self.end("abort sent")

    def close(self) -> None:
        self.socket.close()
        raise Over("closed")

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()
        raise Over("reset")

    def say_nothing(self) -> None:
        """Neither read nor write until the test is over."""
        self.pacs.ending.wait(30)
        raise Over("silent")

    def end(self, how: str) -> None:
        """Wait until the peer closes, as an acceptor does after its last word."""
        with suppress(OSError):
            while self.socket.recv(_PIECE_BYTES):
                pass
        raise Over(how)

    def _read_request(self) -> None:
        kind, body = self._read_pdu()
        assert kind == 1, f"PDU type {kind} came, not A-ASSOCIATE-RQ"
        self.request = A_ASSOCIATE_RQ()
        self.request.decode(b"\1\0" + struct.pack(">I", len(body)) + body)

    def _acceptance(self, asked: A_ASSOCIATE) -> bytes:
        answers = []
        for proposed in asked.presentation_context_definition_list:
            abstract, transfer = str(proposed.abstract_syntax), str(proposed.transfer_syntax[0])
            context = PresentationContext()
            context.context_id, context.transfer_syntax = proposed.context_id, [transfer]
            context.result = self.pacs.manners.accepts(abstract, transfer)
            answers.append(context)
            if context.result == 0:
                assert proposed.context_id is not None
                self.contexts[proposed.context_id] = (abstract, transfer)
        answer = A_ASSOCIATE()
        answer.application_context_name = "1.2.840.10008.3.1.1.1"
        answer.calling_ae_title, answer.called_ae_title = asked.calling_ae_title, asked.called_ae_title
        answer.result = 0
        answer.presentation_context_definition_results_list = answers
        length, maker = MaximumLengthNotification(), ImplementationClassUIDNotification()
        length.maximum_length_received, maker.implementation_class_uid = self.pacs.manners.max_pdu_bytes, "1.2.3.4"
        answer.user_information = [length, maker]
        if self.pacs.manners.operations is not None:
            answer.user_information.append(window_of_operations(self.pacs.manners.operations, 1))
        return bytes(A_ASSOCIATE_AC(answer).encode())

    def _read_message(self) -> None:
        """Read a command, and the data set that it announces; note it where it is a C-STORE."""
        encoded = b"".join(self._fragments(is_command=True))
        self.command = elements(encoded)
        if self.command[0x0800] == b"\1\1":
            return
        length = crc = 0
        for fragment in self._fragments(is_command=False):
            length, crc = length + len(fragment), crc32c(fragment, crc)
        abstract, transfer = self.contexts[self.context_id]
        sop_class, sop_instance = (self.command[tag].decode().rstrip("\0") for tag in (0x0002, 0x1000))
        assert sop_class == abstract, "the SOP class is not that of the presentation context"
        assert self.command[0x0100] == b"\1\0", "a command with a data set that is no C-STORE-RQ"
        assert self.command[0x0700] in {b"\0\0", b"\1\0", b"\2\0"}, "a C-STORE-RQ without priority"
        self.pacs.stored.append(Stored(sop_class, sop_instance, transfer, length, crc))

    def _fragments(self, *, is_command: bool) -> Iterator[bytes]:
        last = False
        while not last:
            kind, body = self._read_pdu()
            if kind == 5:
                assert is_command, "a release in mid-message"
                self.send_pdu(6, bytes(4))
                self.end("released")
            if kind == 7:
                raise Over("aborted")
            assert kind == 4, f"PDU type {kind} came, not P-DATA-TF"
            length, context_id, control = struct.unpack_from(">IBB", body)
            assert length + 4 == len(body), "more than one PDV in a PDU: allowed, but not by this sender"
            assert length % 2 == 0, "a fragment of odd length"
            assert length > 2, "an empty fragment"
            assert context_id in self.contexts, "a fragment on a context that is not accepted"
            assert bool(control & 1) is is_command, "a fragment of the wrong kind"
            self.context_id, last = context_id, bool(control & 2)
            yield body[6:]

    def _read_pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._read(6))
        maximum = self.pacs.manners.max_pdu_bytes or 1 << 20
        assert kind != 4 or length <= maximum, f"a PDU of {length} bytes, longer than {maximum}"
        return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), _PIECE_BYTES))
            if not piece:
                raise Over("lost")
            data += piece
            self._notice(len(piece))
        return bytes(data)

    def _notice(self, count: int) -> None:
        self.came += count
        manners = self.pacs.manners
        if manners.bytes_per_second:
            due = self.began + self.came / manners.bytes_per_second
            self.pacs.ending.wait(max(0.0, due - time.monotonic()))
        if manners.interrupt_after_bytes is not None and self.came > manners.interrupt_after_bytes:
            manners.interrupt(self)


@contextmanager
def raw_pacs(manners: Manners | None = None) -> Iterator[RawPacs]:
    """Run an archive on a free port. At its end every rule was kept, or the test fails."""
    pacs = RawPacs(manners or Manners())
    thread = threading.Thread(target=pacs.serve)
    thread.start()
    try:
        yield pacs
    finally:
        pacs.ending.set()
        pacs.listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        pacs.listening.close()
    assert pacs.violations == []
