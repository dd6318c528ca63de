"""An archive on raw sockets: it lists and gives what it has by QIDO-RS and WADO-RS, except where a test says otherwise.

It shares no code with the gateway. What is wrong is wrong on the wire, byte for byte, which no web framework lets one
do: a cut that looks like an end, a length that lies, a trickle.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from gateway.dicom.part10 import FileMeta, encode_head
from tests.gateway.dicomweb.raw_service import Conversation, raw_service
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, data_set

BOUNDARY = "d41d8cd98f00b204e9800998ecf8427e"
PREAMBLE = b"\7" * 128  # no writer's, and so not ours: it has to come through

_LONGEST_HANGING_SECONDS = 100.0

_STUDY, _SERIES, _SOP = "0020000D", "0020000E", "00080018"
_PATIENT_ID, _ACCESSION, _COUNT = "00100020", "00080050", "00201208"


@dataclass(frozen=True)
class Held:
    """An instance that an archive has."""

    study: str
    series: str
    sop: str
    patient: str = "P1"

    @property
    def file(self) -> bytes:
        meta = FileMeta(CT, self.sop, EXPLICIT_LITTLE, "", "")
        content = data_set(self.study, self.series, self.sop, patient=self.patient, pixels=self.sop.encode() * 200)
        return PREAMBLE + encode_head(meta) + content


def study(uid: str = "1.2.1", series: int = 2, instances: int = 3, patient: str = "P1") -> list[Held]:
    """A study of some series with some instances each."""
    return [
        Held(uid, f"{uid}.{number}", f"{uid}.{number}.{instance}", patient)
        for number in range(1, series + 1)
        for instance in range(1, instances + 1)
    ]


Give = Callable[[Conversation, Sequence[Held]], None]
"""Answers a WADO-RS request for these instances."""


@dataclass
class FaultyArchive:
    """What a test sees of it. `gives` are used up one by one for WADO-RS; after that it is honest."""

    held: list[Held]
    gives: list[Give] = field(default_factory=list)
    wado: list[str] = field(default_factory=list)  # the paths that were asked for, below the base
    qido: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)  # Accept headers of WADO-RS
    authorizations: list[str | None] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    promised: int | None = None  # NumberOfStudyRelatedInstances, where it is not the truth
    heeds_offset: bool = True
    most_in_a_page: int = 1000
    matches: bool = True  # else a query finds all there is, as where its value is a pattern
    url: str = ""

    def converse(self, conversation: Conversation) -> None:
        self.authorizations.append(conversation.headers.get("authorization"))
        self.hosts.append(conversation.headers["host"])
        address = urlsplit(conversation.path)
        path = address.path.removeprefix("/dicom-web/")
        if re.search(r"(^studies|/instances)$", path):
            self.qido.append(f"{path}?{address.query}")
            self._answer_query(conversation, path, parse_qs(address.query, keep_blank_values=True))
        else:
            self.wado.append(path)
            self.accepted.append(conversation.headers["accept"])
            give = self.gives.pop(0) if self.gives else honestly
            give(conversation, self._below(path))

    def _below(self, path: str) -> list[Held]:
        uids = path.split("/")[1::2]
        return [held for held in self.held if [held.study, held.series, held.sop][: len(uids)] == uids]

    def _answer_query(self, conversation: Conversation, path: str, query: dict[str, list[str]]) -> None:
        if path == "studies":
            items = [self._study(uid) for uid in dict.fromkeys(held.study for held in self.held)]
            items = [item for item in items if not self.matches or _is_match(item, query)]
        else:
            items = [_named({_STUDY: held.study, _SERIES: held.series, _SOP: held.sop}) for held in self._below(path)]
        start = int(query.get("offset", ["0"])[0]) if self.heeds_offset else 0
        limit = min(int(query.get("limit", ["1000"])[0]), self.most_in_a_page)
        conversation.answer(200, items[start : start + limit], Connection="close")

    def _study(self, uid: str) -> dict[str, object]:
        instances = [held for held in self.held if held.study == uid]
        count = len(instances) if self.promised is None else self.promised
        named = _named({_STUDY: uid, _PATIENT_ID: instances[0].patient, _ACCESSION: f"A-{uid}"})
        return named | {_COUNT: {"vr": "IS", "Value": [count]}}


@contextmanager
def faulty_archive(*held: Held, gives: Sequence[Give] = ()) -> Iterator[FaultyArchive]:
    """Run an archive that has these instances, by default a study of two series with three each."""
    archive = FaultyArchive(list(held) or study(), list(gives))
    with raw_service(archive.converse) as service:
        archive.url = service.url
        yield archive


def multipart(parts: Sequence[bytes], *, boundary: str = BOUNDARY, ends: bool = True) -> bytes:
    """A body with these files."""
    lines = [b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n" % (boundary.encode(), part) for part in parts]
    return b"".join(lines) + (b"--%b--\r\n" % boundary.encode() if ends else b"")


def head(status: int = 200, boundary: str = BOUNDARY, **headers: str) -> bytes:
    """The head of an answer whose end is that of the connection, as Orthanc's."""
    kind = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}', "Connection": "close"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**kind, **headers}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, "", ""]).encode("ascii")


def honestly(conversation: Conversation, wanted: Sequence[Held]) -> None:
    """As it should be."""
    if not wanted:
        conversation.answer(404, Connection="close")
    else:
        conversation.socket.sendall(head() + multipart([held.file for held in wanted]))


def with_parts(change: Callable[[list[bytes]], list[bytes]], status: int = 200) -> Give:
    """Well-formed, but with other parts than it should have."""

    def give(conversation: Conversation, wanted: Sequence[Held]) -> None:
        conversation.socket.sendall(head(status) + multipart(change([held.file for held in wanted])))

    return give


def cut_at(share: float) -> Give:
    """Ends the connection when so much of the body is out, which without a length looks like an end."""

    def give(conversation: Conversation, wanted: Sequence[Held]) -> None:
        body = multipart([held.file for held in wanted])
        conversation.socket.sendall(head() + body[: int(len(body) * share)])

    return give


def cut_in_chunks(share: float) -> Give:
    """The same in a chunked answer that ends as it should: only the final boundary is missing."""

    def give(conversation: Conversation, wanted: Sequence[Held]) -> None:
        body = multipart([held.file for held in wanted])
        sent = body[: int(len(body) * share)]
        chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(sent), sent)
        conversation.socket.sendall(head(Transfer_Encoding="chunked") + chunk)

    return give


def reset_at(share: float) -> Give:
    """Resets the connection when so much of the body is out."""

    def give(conversation: Conversation, wanted: Sequence[Held]) -> None:
        cut_at(share)(conversation, wanted)
        conversation.reset()

    return give


def in_pieces(piece_bytes: int, bytes_per_second: int | None = None) -> Give:
    """Sends the body in small pieces, and perhaps takes its time."""

    def give(conversation: Conversation, wanted: Sequence[Held]) -> None:
        body = multipart([held.file for held in wanted])
        conversation.socket.sendall(head())
        for start in range(0, len(body), piece_bytes):
            conversation.socket.sendall(body[start : start + piece_bytes])
            if bytes_per_second and conversation.service.ending.wait(piece_bytes / bytes_per_second):
                return

    return give


def refusing(status: int, **headers: str) -> Give:
    """Answers with a status and nothing else."""

    def give(conversation: Conversation, _: Sequence[Held]) -> None:
        conversation.answer(status, Connection="close", **headers)

    return give


def hanging(share: float = 0.5, until: threading.Event | None = None) -> Give:
    """Says nothing more when so much of the body is out; closes the connection then, or never."""

    def give(conversation: Conversation, wanted: Sequence[Held]) -> None:
        cut_at(share)(conversation, wanted)
        if until is None or not until.wait(_LONGEST_HANGING_SECONDS):
            conversation.hang()

    return give


def redirecting(url: str) -> Give:
    """Sends whoever asks to the same resource below another base."""

    def give(conversation: Conversation, _: Sequence[Held]) -> None:
        resource = conversation.path.removeprefix("/dicom-web")
        conversation.answer(302, Connection="close", Location=f"{url}{resource}")

    return give


def _is_match(item: dict[str, object], query: dict[str, list[str]]) -> bool:
    tags = {"StudyInstanceUID": _STUDY, "PatientID": _PATIENT_ID, "AccessionNumber": _ACCESSION}
    named = {tag: query[name] for name, tag in tags.items() if name in query}
    return all(item[tag] == {"vr": "LO", "Value": value} for tag, value in named.items())


def _named(values: dict[str, str]) -> dict[str, object]:
    return {tag: {"vr": "LO", "Value": [value]} for tag, value in values.items()}
