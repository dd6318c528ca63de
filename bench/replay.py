"""A sender that costs next to nothing: one instance again and again, over many associations from one thread.

Fifty dcmtk senders take more of a small machine than the receiver that is measured, and as many starts. Here the
associations stand before the clock starts, and a message is bytes in memory in which only the UID changes.
"""

import selectors
import socket
import struct
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import UID

from bench.alone import Work
from gateway.dicom.part10_file import Part10File
from gateway.dimse.command import encode_store_request
from gateway.dimse.connection import PduType
from gateway.dimse.data_set_pdus import DataSetPdus
from gateway.dimse.negotiation import Proposal, encode_request
from gateway.dimse.peer import Peer

_CONTEXT_ID = 1
_PDU_BYTES = 16_384  # dcmtk's; every receiver takes as much
_STUDY, _INSTANCE = "1.2.826.0.1.1{:012}", "1.2.826.0.1.2{:012}"
_HEADER = struct.Struct(">BxI")
_SUCCESS = struct.pack("<HHIH", 0x0000, 0x0900, 2, 0x0000)
_RELEASE = bytes((PduType.A_RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0))


def prepare(port: str, ae_title: str, path: str, associations: str, each: str) -> Work:
    """Open so many associations; the work is to send `each` instances over every one, a study of its own."""
    template = _template(Path(path))
    file = Part10File.at(template)
    request = encode_request(
        Peer("127.0.0.1", int(port), ae_title, "REPLAY"),
        [Proposal(file.sop_class_uid, (file.transfer_syntax_uid,))],
        _PDU_BYTES,
    )
    message = _message(file)
    opened = [_Association(int(port), request, message, number, int(each)) for number in range(int(associations))]
    return lambda: _send_all(opened)


def _template(path: Path) -> Path:
    """The instance with UIDs that are replaced by others of the same length."""
    dataset = dcmread(path)
    dataset.StudyInstanceUID = _STUDY.format(0)
    dataset.SOPInstanceUID = _INSTANCE.format(0)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(_INSTANCE.format(0))
    template = path.with_suffix(".template")
    dataset.save_as(template)
    return template


def _message(file: Part10File) -> bytes:
    command = encode_store_request(1, file.sop_class_uid, file.sop_instance_uid)
    with file.opened() as descriptor:
        pdus = DataSetPdus(_PDU_BYTES).message(
            _CONTEXT_ID, command, descriptor, file.data_set_offset, file.data_set_bytes
        )
        return b"".join(pdus)


class _Association:
    """One of many: sends its next message when the last was answered."""

    def __init__(self, port: int, request: bytes, message: bytes, number: int, count: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = count
        self._message = bytearray(message.replace(_STUDY.format(0).encode(), _STUDY.format(number + 1).encode()))
        self._places = _places(message, _INSTANCE.format(0).encode())
        self._next = 1_000_000 * (number + 1)
        self.socket.sendall(request)
        assert self.read_pdu()[0] == PduType.A_ASSOCIATE_AC, "the association was not accepted"

    def send_next(self) -> None:
        """Send one instance that the receiver has not seen."""
        uid = _INSTANCE.format(self._next).encode()
        for place in self._places:
            self._message[place : place + len(uid)] = uid
        self._next += 1
        self.left -= 1
        self.socket.sendall(self._message)

    def read_pdu(self) -> bytes:
        """Read one PDU, which comes in one piece or soon."""
        received = self.socket.recv(4096)
        while len(received) < _HEADER.size or len(received) < _HEADER.size + _HEADER.unpack_from(received)[1]:
            more = self.socket.recv(4096)
            assert more, "the association was closed"
            received += more
        return received

    def release(self) -> None:
        """End it in good order."""
        self.socket.sendall(_RELEASE)
        self.read_pdu()
        self.socket.close()


def _send_all(opened: list[_Association]) -> int:
    sent = 0
    with selectors.DefaultSelector() as selector:
        for association in opened:
            selector.register(association.socket, selectors.EVENT_READ, association)
            association.send_next()
        while selector.get_map():
            for key, _ in selector.select():
                association = key.data
                assert _SUCCESS in association.read_pdu(), "an instance was not stored"
                sent += 1
                if association.left:
                    association.send_next()
                else:
                    selector.unregister(association.socket)
                    association.release()
    return sent


def _places(message: bytes, text: bytes) -> list[int]:
    places, at = [], message.find(text)
    while at >= 0:
        places.append(at)
        at = message.find(text, at + 1)
    return places
