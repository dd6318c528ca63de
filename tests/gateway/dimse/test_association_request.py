"""The A-ASSOCIATE-RQ as it is read, whatever is in it."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dimse.association_request import ProposedContext, Titles, decode_head, decode_request
from gateway.dimse.connection import UnexpectedPdu
from tests.listeners.scp.requests import APPLICATION, DICOM, IMPLICIT_LITTLE, USER, body, context, item


@pytest.mark.parametrize(
    ("calling", "title"),
    [
        (b"CT01", "CT01"),
        (b"CT01".ljust(16, b"\0"), "CT01"),
        (b"  CT01", "CT01"),
        (b"CT01\0left over", "CT01"),
        (b"CT 01", "CT 01"),
        (b"A" * 16, "A" * 16),
        (b"", ""),
        (bytes(16), ""),
        (b"CT\xff\\\r\n\x1b", "CT?????"),
    ],
)
def test_a_title_is_read_as_devices_write_it(calling: bytes, title: str) -> None:
    assert decode_head(memoryview(body(calling=calling))).titles == Titles(title, "MIG")


def test_padded_uids_and_items_in_any_order_are_read() -> None:
    items = (USER, context(1, b"1.2.3\0", b" 1.2.840.10008.1.2 "), item(0x10, DICOM + b"\0"))
    request = decode_request(memoryview(body(items)))
    assert request.application_context == DICOM.decode()
    assert request.contexts == (ProposedContext(1, "1.2.3", (IMPLICIT_LITTLE.decode(),)),)


def test_of_transfer_syntaxes_those_count_that_are_uids() -> None:
    request = decode_request(memoryview(body([context(1, b"1.2.3", b"nothing", b"", b"1.2.4", b"1" * 65)])))
    assert request.contexts[0].transfer_syntaxes == ("1.2.4",)


@pytest.mark.parametrize(
    ("user", "operations"),
    [
        (USER, None),
        (item(0x50, item(0x53, struct.pack(">HH", 8, 1))), 8),
        (item(0x50, item(0x53, b"\0")), None),
        (item(0x50, item(0x7F, b"of a vendor") + item(0x53, struct.pack(">HH", 0, 1))), 0),
        (b"", None),
    ],
)
def test_a_window_of_operations_is_read_where_one_is_asked_for(user: bytes, operations: int | None) -> None:
    assert decode_request(memoryview(body([APPLICATION, context(), user]))).operations == operations


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([context(1), context(4), context(6)], "ids are wrong: 4 6 even"),
        ([context(0)], "0 even"),
        ([context(3), context(3), context(2)], "2 even, 3 repeated"),
        ([context((2 * n + 1) % 256) for n in range(140)], "1 3 5 7 9 11 13 15 and 4 more repeated among 140"),
        ([item(0x20, b"\1\0")], "a presentation context is cut off"),
        ([context()[:-1]], "item 20H of the association request is longer than its place"),
        ([context(), b"\x50\0\0"], "an item of the association request is cut off"),
        ([item(0x20, b"\1\0\0\0" + b"\x30\0\xff\xff")], "item 30H"),
        ([item(0x60, b"")] * 16_385, "more than 16,384 items"),
    ],
)
def test_what_can_not_be_told_is_named(items: list[bytes], problem: str) -> None:
    with pytest.raises(UnexpectedPdu, match=problem):
        decode_request(memoryview(body(items)))


def test_a_request_that_ends_within_its_head_is_none() -> None:
    with pytest.raises(UnexpectedPdu, match="cut off"):
        decode_head(memoryview(body()[:67]))


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.tuples(st.just(body()), st.lists(st.tuples(st.integers(0, 150), st.binary(min_size=1, max_size=4)))).map(
            lambda drawn: changed(*drawn)
        ),
    )
)
def test_whatever_comes_is_read_or_said_to_be_wrong(data: bytes) -> None:
    pdu = memoryview(data)
    with suppress(UnexpectedPdu):
        decode_head(pdu)
        assert all(each.context_id % 2 for each in decode_request(pdu).contexts)


def changed(whole: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """The bytes with some of them replaced."""
    result = bytearray(whole)
    for place, instead in changes:
        result[place : place + len(instead)] = instead
    return bytes(result)
