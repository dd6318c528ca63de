"""A DICOMweb service that does what a test wants done, byte for byte. It shares no code with the gateway."""

import io
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pydicom import dcmread

from gateway.web.client import Client
from gateway.web.service import HttpTimeouts, Service

HASTY = HttpTimeouts(connect_seconds=2, send_seconds=2, answer_seconds=5)
_PIECE_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Conversation:
    """One connection with one request. `names` are the SOP Instance UIDs of the parts, once the body is read."""

    service: "RawService"
    socket: socket.socket
    unread: bytes = b""
    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [str(dcmread(io.BytesIO(body)).SOPInstanceUID) for _, body in self.parts]

    def read_head(self) -> None:
        while b"\r\n\r\n" not in self.unread:
            self.unread += self._receive()
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        request, *lines = head.decode("ascii").split("\r\n")
        self.method, self.path, _ = request.split(" ")
        self.headers = _headers(lines)
        self.service.requests.append(f"{self.method} {self.path}")

    def read_body(self) -> None:
        length = int(self.headers.get("content-length", 0))
        while len(self.unread) < length:
            self.unread += self._receive()
        assert len(self.unread) == length, "more came than the Content-Length says"
        if found := re.fullmatch(
            r'multipart/related; type="application/dicom"; boundary=([0-9a-f]{64})',
            self.headers.get("content-type", ""),
        ):
            self.parts = list(_parts(self.unread, found[1].encode("ascii")))
            self.service.batches.append(self.names)

    def stream(self, bytes_per_second: int | None = None) -> Iterator[bytes]:
        """Yield the body as it comes, no faster than this."""
        left, began, came = int(self.headers["content-length"]) - len(self.unread), time.monotonic(), 0
        yield self.unread
        while left > 0:
            piece = self._receive()
            left, came = left - len(piece), came + len(piece)
            yield piece
            if bytes_per_second:
                self.service.ending.wait(max(0.0, began + came / bytes_per_second - time.monotonic()))

    def answer(self, status: int, body: bytes | object = b"", **headers: str) -> None:
        """Answer, with a body of bytes or of what becomes JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode("ascii")
        kind = {} if isinstance(body, bytes) else {"Content_Type": "application/dicom+json"}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**kind, **headers}.items()]
        head = "\r\n".join([f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", *lines])
        self.socket.sendall(head.encode("ascii") + b"\r\n\r\n" + content)

    def drain(self) -> None:
        """Read whatever still comes, and throw it away."""
        with suppress(OSError):
            while self.socket.recv(_PIECE_BYTES):
                pass

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    def hang(self) -> None:
        """Do nothing until the test is over."""
        self.service.ending.wait(30)

    def _receive(self) -> bytes:
        piece = self.socket.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionError("the client closed the connection")
        return piece


Behave = Callable[[Conversation], None]


class RawService:
    """What a test sees of it. Behaviours are used up one by one; the last stays."""

    def __init__(self, behaviours: Sequence[Behave]) -> None:
        self.behaviours = list(behaviours)
        self.requests: list[str] = []
        self.batches: list[list[str]] = []
        self.failures: list[str] = []
        self.ending = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/dicom-web"

    @property
    def sent(self) -> list[str]:
        """The SOP Instance UIDs of all that came in whole, in order; a resend stands there twice."""
        return [name for batch in self.batches for name in batch]

    def client(self, timeouts: HttpTimeouts = HASTY) -> Client:
        return Client(Service(self.url), timeouts)

    def serve(self) -> None:
        threads: list[threading.Thread] = []
        with suppress(OSError):
            while True:
                connected, _ = self.listening.accept()
                behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                thread = threading.Thread(target=self._converse, args=(connected, behave))
                thread.start()
                threads.append(thread)
        for thread in threads:
            thread.join()

    def _converse(self, connected: socket.socket, behave: Behave) -> None:
        conversation = Conversation(self, connected)
        try:
            conversation.read_head()
            behave(conversation)
        except AssertionError as failure:
            self.failures.append(str(failure))
        except OSError:
            pass  # the client is gone
        finally:
            connected.close()


@contextmanager
def raw_service(*behaviours: Behave) -> Iterator[RawService]:
    """Run a service on a free port; by default it stores all that comes."""
    service = RawService(behaviours or [store_all])
    thread = threading.Thread(target=service.serve)
    thread.start()
    try:
        yield service
    finally:
        service.ending.set()
        service.listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        service.listening.close()
    assert service.failures == []


def store_all(conversation: Conversation) -> None:
    conversation.read_body()
    answer_stored(conversation)


def answer_stored(conversation: Conversation) -> None:
    """Say that all that was read is stored."""
    conversation.answer(200, store_response(stored=conversation.names))


def store_at_most_two(conversation: Conversation) -> None:
    """Finds more of them too large."""
    conversation.read_body()
    if len(conversation.names) > 2:
        conversation.answer(413)
    else:
        answer_stored(conversation)


def answering(status: int, body: bytes | object = b"", **headers: str) -> Behave:
    """Reads the whole request and answers so."""

    def behave(conversation: Conversation) -> None:
        conversation.read_body()
        conversation.answer(status, body, **headers)

    return behave


def store_response(
    stored: Sequence[str] = (),
    failed: Sequence[tuple[str, int | None]] = (),
    warned: Sequence[tuple[str, int]] = (),
    nameless: Sequence[int] = (),
) -> dict[str, object]:
    """A Store Instances Response in the DICOM JSON Model."""
    referenced = [_item(uid) for uid in stored] + [_item(uid, "00081196", code) for uid, code in warned]
    failures = [_item(uid, "00081197", code) for uid, code in failed] + [_item("", "00081197", c) for c in nameless]
    sequences = {"00081199": referenced, "00081198": failures}
    return {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}


def _item(uid: str, tag: str = "", code: int | None = None) -> dict[str, object]:
    item: dict[str, object] = {"00081155": {"vr": "UI", "Value": [uid]}} if uid else {}
    return item | ({tag: {"vr": "US", "Value": [code]}} if code is not None else {})


def _headers(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in lines)
    return {name.lower(): value for name, value in pairs}


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    """As RFC 2046 section 5.1.1 has it."""
    nothing, *parts, end = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert (nothing, end) == (b"", b"--\r\n")
    for part in parts:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        yield _headers(head.decode("ascii").split("\r\n")), content
