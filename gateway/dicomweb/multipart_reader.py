"""A multipart body, part by part, as its bytes come (RFC 2046 section 5.1.1, PS3.18 section 8.6.1.2).

Fed in pieces of any size it gives the same parts, and holds no more than one piece and a line in memory. A part has
ended only when the delimiter behind it was read, and the body only at its final one: a connection that is cut looks
like an end otherwise.

Lines end with CRLF. A preamble, blanks behind a boundary, parts without headers, empty parts, folded headers and
whatever follows the final delimiter are taken. A line that merely begins like a delimiter is content.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from enum import Enum, auto

_LINE_END = b"\r\n"
_END_OF_HEAD = b"\r\n\r\n"
_MOST_BLANKS = 64
_BEHIND_DELIMITER = re.compile(rb"--|[ \t]{0,%d}\r\n" % _MOST_BLANKS)
_LONGEST_HEAD_BYTES = 16_384
_LONGEST_PREAMBLE_BYTES = 65_536
_LONGEST_BOUNDARY = 200  # RFC 2046 has 70


class NotMultipart(ValueError):
    """The bytes are no multipart body with this boundary."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """The head of a part was read. Names of `headers` are in lower case."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part is whole."""


PartEvent = PartBegins | PartData | PartEnds


def multipart_boundary(content_type: str) -> bytes | None:
    """Return the boundary that a Content-Type names, quoted or not; None where it is not multipart or names none."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary("")
    if message.get_content_maintype() != "multipart" or not boundary.isascii() or len(boundary) > _LONGEST_BOUNDARY:
        return None
    return boundary.encode("ascii") or None


class _Place(Enum):
    PREAMBLE = auto()
    HEAD = auto()
    CONTENT = auto()


class MultipartReader:
    """Feed it a body; `finished` tells when the final delimiter was read."""

    def __init__(self, boundary: bytes) -> None:
        self.finished = False
        self._delimiter = _LINE_END + b"--" + boundary
        self._longest_delimiter_bytes = len(self._delimiter) + _MOST_BLANKS + len(_LINE_END)
        self._place = _Place.PREAMBLE
        self._preamble_bytes = 0
        # What is not dealt with yet. A delimiter begins with the end of the line before it, which at the start of the
        # body and of an empty part belongs to no content: so many bytes in front are there to be found, not to be told.
        self._held = _LINE_END
        self._untold = len(_LINE_END)

    def feed(self, data: bytes) -> Iterator[PartEvent]:
        """Take the next piece of the body, and yield what it tells. Raises NotMultipart."""
        self._held += data
        going_on = True
        while going_on and not self.finished:
            if self._place is _Place.HEAD:
                going_on = yield from self._head()
            else:
                going_on = yield from self._content()

    def _head(self) -> "_Reading":
        end = self._held.find(_END_OF_HEAD)
        if end < 0:
            if len(self._held) > _LONGEST_HEAD_BYTES:
                raise NotMultipart("the head of a part does not end")
            return False
        yield PartBegins(_headers(self._held[:end]))
        self._place = _Place.CONTENT
        self._forget(end + len(_LINE_END), untold=len(_LINE_END))
        return True

    def _content(self) -> "_Reading":
        """Tell what stands before the next delimiter; where there is none yet, what can't be the beginning of one."""
        found = self._next_delimiter()
        if found is None:
            certain = len(self._held) - self._longest_delimiter_bytes + 1
            if certain > self._untold:
                yield from self._tell(certain)
                self._forget(certain)
            return False
        start, behind = found
        yield from self._tell(start)
        if self._place is _Place.CONTENT:
            yield PartEnds()
        self.finished = behind.group() == b"--"
        self._place = _Place.HEAD
        self._forget(behind.end() - len(_LINE_END))  # the head is found by the line breaks around it
        return True

    def _next_delimiter(self) -> tuple[int, re.Match[bytes]] | None:
        start = self._held.find(self._delimiter)
        while start >= 0:
            if behind := _BEHIND_DELIMITER.match(self._held, start + len(self._delimiter)):
                return start, behind
            start = self._held.find(self._delimiter, start + 1)
        return None

    def _tell(self, end: int) -> Iterator[PartData]:
        if self._place is _Place.PREAMBLE:
            self._preamble_bytes += end
            if self._preamble_bytes > _LONGEST_PREAMBLE_BYTES:
                raise NotMultipart("the boundary that was announced does not come")
        elif end > self._untold:
            yield PartData(memoryview(self._held)[self._untold : end])

    def _forget(self, count: int, untold: int = 0) -> None:
        self._held = self._held[count:]
        self._untold = untold


_Reading = Generator[PartEvent, None, bool]
"""Yields what was read; its value tells whether there may be more to read in what is held."""


def _headers(head: bytes) -> dict[str, str]:
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", head)
    pairs = (line.partition(b":") for line in unfolded.split(_LINE_END))
    return {_text(name).lower(): _text(value) for name, _, value in pairs if name}


def _text(raw: bytes) -> str:
    return raw.strip().decode("latin-1")
