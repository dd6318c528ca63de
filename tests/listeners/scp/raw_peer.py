"""A sender that says exactly what a test wants said, byte for byte."""

import socket
import struct
from types import TracebackType
from typing import Self

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE

VERIFICATION = "1.2.840.10008.1.1"
COMMAND, DATA, LAST = 1, 0, 2

C_STORE_RQ, C_ECHO_RQ, C_FIND_RQ, C_CANCEL_RQ = 0x0001, 0x0030, 0x0020, 0x0FFF


class RawPeer:
    """A connection to a receiver."""

    def __init__(self, port: int, host: str = "127.0.0.1", source: str = "") -> None:
        self.socket = socket.create_connection((host, port), timeout=10, source_address=(source, 0))
        self.contexts: dict[int, str] = {}
        self.max_pdu_bytes = 0
        self.window: tuple[int, int] | None = None  # operations invoked and performed, where they are granted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def associate(
        self,
        *contexts: tuple[str, list[str]],
        calling_ae: str = "CT01",
        called_ae: str = "MIG",
        application_context: str = "1.2.840.10008.3.1.1.1",
        protocol_version: int = 1,
        window: tuple[int, int] | None = None,
    ) -> tuple[int, bytes]:
        """Send an A-ASSOCIATE-RQ; return the answer. Accepted contexts are in `contexts` then."""
        primitive = _request(contexts or ((CT, [EXPLICIT_LITTLE]),), calling_ae or "ANYBODY", called_ae)
        primitive.application_context_name = UID(application_context)
        if window is not None:
            primitive.user_information.append(window_of_operations(*window))
        request = A_ASSOCIATE_RQ(primitive)
        encoded = bytearray(request.encode())
        encoded[6:8] = struct.pack(">H", protocol_version)
        encoded[26:42] = calling_ae.encode().ljust(16)
        self.socket.sendall(encoded)
        kind, answer = self.read_pdu()
        if kind == 2:
            self._note(answer)
        return kind, answer

    def _note(self, answer: bytes) -> None:
        accepted = A_ASSOCIATE_AC()
        accepted.decode(b"\x02\0" + struct.pack(">I", len(answer)) + answer)
        primitive = accepted.to_primitive()
        self.max_pdu_bytes = int(primitive.maximum_length_received or 0)
        for item in primitive.user_information:
            if isinstance(item, AsynchronousOperationsWindowNegotiation):
                self.window = (item.maximum_number_operations_invoked, item.maximum_number_operations_performed)
        for context in primitive.presentation_context_definition_results_list:
            if context.result == 0:
                assert context.context_id is not None
                self.contexts[context.context_id] = str(context.transfer_syntax[0])

    def send_pdvs(self, *pdvs: tuple[int, int, bytes]) -> None:
        """Send one P-DATA-TF PDU with these PDVs: context id, control header, fragment."""
        body = b"".join(struct.pack(">IBB", len(data) + 2, context, control) + data for context, control, data in pdvs)
        self.socket.sendall(struct.pack(">BxI", 4, len(body)) + body)

    def send_pdu(self, kind: int, body: bytes) -> None:
        self.socket.sendall(struct.pack(">BxI", kind, len(body)) + body)

    def store(self, data_set: bytes, *, sop: str = "1.2.3", sop_class: str = CT, fragment: int = 16_000) -> int:
        """Send an instance in fragments of this many bytes; return the status."""
        self.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ, sop_class, sop)))
        for at in range(0, len(data_set), fragment):
            last = LAST if at + fragment >= len(data_set) else 0
            self.send_pdvs((1, DATA | last, data_set[at : at + fragment]))
        return self.read_response()[0x0900]

    def read_response(self) -> dict[int, int]:
        """Return the numbers of the next response's command set: its Status is at 0x0900."""
        kind, body = self.read_pdu()
        assert kind == 4, f"PDU type {kind} came, not P-DATA"
        self.response = elements(body[6:])
        return {number: int.from_bytes(value, "little") for number, value in self.response.items()}

    @property
    def error_comment(self) -> str:
        return self.response.get(0x0902, b"").decode().strip()

    def read_pdu(self) -> tuple[int, bytes]:
        header = self._read(6)
        kind, length = struct.unpack(">BxI", header)
        return kind, self._read(length)

    def release(self) -> None:
        self.send_pdu(5, bytes(4))
        assert self.read_pdu() == (6, bytes(4))

    def is_closed(self) -> bool:
        """Whether the receiver closes the connection, without a word, before the timeout."""
        return self.socket.recv(1) == b""

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, "the receiver closed the connection"
            data += piece
        return data


def command(
    field: int, sop_class: str = CT, sop: str = "1.2.3", *, message_id: int = 7, data_set: bool = True
) -> bytes:
    """A request's command set."""
    values = {
        0x0002: _even(sop_class.encode()),
        0x0100: struct.pack("<H", field),
        0x0110: struct.pack("<H", message_id),
        0x0700: struct.pack("<H", 0),
        0x0800: struct.pack("<H", 1 if data_set else 0x0101),
        0x1000: _even(sop.encode()),
    }
    body = b"".join(struct.pack("<HHI", 0, number, len(value)) + value for number, value in values.items())
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def elements(encoded: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(encoded):
        _, number, length = struct.unpack_from("<HHI", encoded, at)
        found[number] = encoded[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def _even(value: bytes) -> bytes:
    return value + b"\0" * (len(value) % 2)


def _request(contexts: tuple[tuple[str, list[str]], ...], calling_ae: str, called_ae: str) -> A_ASSOCIATE:
    request = A_ASSOCIATE()
    request.calling_ae_title, request.called_ae_title = calling_ae, called_ae
    proposed = [build_context(abstract, list(syntaxes)) for abstract, syntaxes in contexts]
    for number, context in enumerate(proposed):
        context.context_id = 2 * number + 1
    request.presentation_context_definition_list = proposed
    length = MaximumLengthNotification()
    length.maximum_length_received = 16_382
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID("1.2.3.4")
    request.user_information = [length, class_uid]
    return request


def window_of_operations(invoked: int, performed: int) -> AsynchronousOperationsWindowNegotiation:
    """The item of PS3.7 D.3.3.3."""
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = invoked, performed
    return window
