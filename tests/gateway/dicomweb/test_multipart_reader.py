"""A multipart body is read the same in whatever pieces it comes, and never taken for whole before its end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dicomweb.multipart_reader import MultipartReader, NotMultipart, PartBegins, PartData, multipart_boundary
from tests.effort import bytes_at_most, bytes_kept

BOUNDARY = b"b0undary"

# Bytes that make what looks like a delimiter likely.
tricky = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--b0", BOUNDARY, b"\r\n--b0undaryX", b" ", b"\0", b"D"])
)
contents = st.one_of(tricky.map(b"".join), st.binary(max_size=200)).filter(lambda content: not holds_delimiter(content))
heads = st.sampled_from(
    [b"", b"Content-Type: application/dicom\r\n", b"A: 1\r\nContent-Length:7\r\n", b"A: 1\r\n\tfolded\r\n"]
)
line_ends = st.sampled_from([b"\r\n", b" \r\n", b"\t \t\r\n", b" " * 64 + b"\r\n"])
pieces = st.integers(min_value=1, max_value=300)


@dataclass
class Read:
    """What a body was read as. A part whose end was not read stands in `begun`."""

    heads: list[Mapping[str, str]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    begun: bytes = b""
    finished: bool = False


@dataclass
class Body:
    """A well-formed body, and what it is to be read as."""

    content: bytes
    parts: list[bytes]


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    parts = draw(st.lists(contents, max_size=5))
    preamble = draw(st.sampled_from([b"", b"\r\n", b"This is a multipart message.\r\n", b"--b0\r\n"]))
    content = preamble
    for part in parts:
        content += b"--" + BOUNDARY + draw(line_ends) + draw(heads) + b"\r\n" + part + b"\r\n"
    content += b"--" + BOUNDARY + b"--" + draw(st.sampled_from([b"", b"\r\n", b"\r\nepilogue\r\n--b0undary\r\n\r\nX"]))
    return Body(content, parts)


def holds_delimiter(content: bytes) -> bool:
    """Whether a delimiter would be found in it, or one that it makes with what stands around it."""
    around = b"\r\n" + content + b"\r\n"
    ends = (b"--", b"\r\n", b" ", b"\t")
    return any(b"\r\n--" + BOUNDARY + end in around for end in ends)


def read(body: bytes, piece_bytes: int | None = None, boundary: bytes = BOUNDARY) -> Read:
    reader, result = MultipartReader(boundary), Read()
    for piece in in_pieces(body, piece_bytes or len(body) or 1):
        for event in reader.feed(piece):
            if isinstance(event, PartBegins):
                result.heads.append(event.headers)
            elif isinstance(event, PartData):
                result.begun += event.data
            else:
                result.parts.append(result.begun)
                result.begun = b""
    result.finished = reader.finished
    return result


def in_pieces(body: bytes, piece_bytes: int) -> Iterable[bytes]:
    return (body[start : start + piece_bytes] for start in range(0, len(body), piece_bytes))


@given(bodies(), pieces)
def test_in_any_pieces_the_parts_are_the_same(body: Body, piece_bytes: int) -> None:
    result = read(body.content, piece_bytes)
    assert (result.parts, result.begun, result.finished) == (body.parts, b"", True)
    assert result == read(body.content)


@given(bodies(), pieces, st.data())
def test_cut_at_any_byte_it_is_not_whole_and_neither_is_the_part_that_was_cut(
    body: Body, piece_bytes: int, data: st.DataObject
) -> None:
    final = body.content.index(b"--" + BOUNDARY + b"--") + len(b"--" + BOUNDARY + b"--")
    cut = data.draw(st.integers(min_value=0, max_value=final - 1))
    result = read(body.content[:cut], piece_bytes)
    assert not result.finished
    assert result.parts == body.parts[: len(result.parts)]


def test_every_single_cut_of_a_body_is_noticed() -> None:
    body = b"--b0undary\r\nContent-Length: 3\r\n\r\nabc\r\n--b0undary\r\n\r\n\r\n--b0undary--"
    for cut in range(len(body)):
        result = read(body[:cut], 7)
        assert not result.finished
        assert result.parts == [b"abc", b""][: len(result.parts)]
    assert read(body, 7).finished


@given(st.binary(max_size=500), pieces)
def test_whatever_comes_it_is_read_or_refused(body: bytes, piece_bytes: int) -> None:
    result = read(body, piece_bytes)
    assert result.finished == (b"\r\n--" + BOUNDARY + b"--" in b"\r\n" + body)


@pytest.mark.slow
def test_no_more_is_held_than_a_piece_and_a_line() -> None:
    reader = MultipartReader(BOUNDARY)
    list(reader.feed(b"--b0undary\r\n\r\n"))
    piece = b"\r\n--b0" * 10_000

    def feed(times: int) -> None:
        for _ in range(times):
            for _ in reader.feed(piece):
                pass

    assert bytes_kept(lambda: feed(20)) < 1000
    assert bytes_at_most(lambda: feed(20)) < bytes_at_most(lambda: feed(1)) + len(piece)


def test_an_empty_part_may_share_the_line_break_that_ends_its_head() -> None:
    assert read(b"--b0undary\r\nA: 1\r\n\r\n--b0undary\r\n\r\n--b0undary--").parts == [b"", b""]


def test_names_of_headers_are_in_lower_case_and_lines_are_unfolded() -> None:
    body = b"--b0undary\r\nCONTENT-Type: application/dicom;\r\n transfer-syntax=*\r\nbroken\r\n\r\nx\r\n--b0undary--"
    assert read(body).heads == [{"content-type": "application/dicom; transfer-syntax=*", "broken": ""}]


def test_a_boundary_that_never_comes_is_refused_before_all_is_read() -> None:
    with pytest.raises(NotMultipart, match="does not come"):
        read(b"<html>" * 100_000, 1000)


def test_a_head_without_an_end_is_refused_before_all_is_read() -> None:
    with pytest.raises(NotMultipart, match="does not end"):
        read(b"--b0undary\r\n" + b"A: 1\r\n" * 100_000, 1000)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('Multipart/Related; BOUNDARY="a b;c"; type=application/dicom', b"a b;c"),
        ("multipart/related;boundary=abc ;type=x", b"abc"),
        ('multipart/related; type="application/dicom"', None),
        ('multipart/related; boundary=""', None),
        ("multipart/related; boundary=ä", None),
        ("multipart/related; boundary=" + 300 * "a", None),
        ("application/dicom; boundary=abc", None),
        ("", None),
    ],
)
def test_the_boundary_is_read_quoted_or_not(content_type: str, boundary: bytes | None) -> None:
    assert multipart_boundary(content_type) == boundary
