"""Files as one multipart/related body, from disk to socket (RFC 2387, PS3.18 sections 8.6.1.2 and 10.5.2).

A part's transfer syntax stands in its file meta information, which has precedence over a parameter of the media type
(PS3.18 section 8.7.9). None is given: Orthanc answers 200 to a part that has one, and does not store it.
"""

import os
import secrets
from collections.abc import Iterator, Sequence

from gateway.dicom.part10_file import Part10File
from gateway.web.client import Body

_PIECE_BYTES = 262_144
_LINE_END = b"\r\n"


def multipart_body(files: Sequence[Part10File]) -> Body:
    """Return a body whose length is known before the first byte is read. Reading it raises Damaged.

    The boundary is long and random. A short one occurs in pixels sooner or later, and there are servers that then
    answer 200 and store nothing.
    """
    boundary = secrets.token_hex(32)
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode("ascii")
    tail = f"--{boundary}--\r\n".encode("ascii")
    length = sum(len(head) + file.bytes + len(_LINE_END) for file in files) + len(tail)
    content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
    return Body(content_type, length, _pieces(files, head, tail))


def _pieces(files: Sequence[Part10File], head: bytes, tail: bytes) -> Iterator[bytearray]:
    """Yield the body, joined so that small files do not make small packets."""
    piece = bytearray()
    for file in files:
        piece += head
        with file.opened() as descriptor:
            for content in _content(descriptor, file.bytes):
                piece += content
                if len(piece) >= _PIECE_BYTES:
                    yield piece
                    piece = bytearray()
        piece += _LINE_END
    yield piece + tail


def _content(descriptor: int, length: int) -> Iterator[bytes]:
    """Yield the first `length` bytes of a file. Raises EOFError where there are fewer."""
    while length:
        content = os.read(descriptor, min(length, _PIECE_BYTES))
        if not content:
            raise EOFError("it is shorter than it was")
        yield content
        length -= len(content)
