"""What is read out of an answer, whatever it is."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dicomweb.store_answer import StoreAnswer, parse_store_answer
from gateway.web.retry_after import retry_after_seconds
from tests.gateway.dicomweb.raw_service import store_response

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

TAGS = st.sampled_from(["00081155", "00081196", "00081197", "00081198", "00081199", "0008119A", "Value", "vr"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TAGS, inner, max_size=4),
)


def test_each_instance_is_named_with_its_reason() -> None:
    response = store_response(stored=["1"], warned=[("2", 7)], failed=[("3", 0xC000), ("4", None)], nameless=[5])
    assert parse_store_answer(json.dumps(response).encode()) == StoreAnswer(
        stored={"1": None, "2": 7}, failed={"3": 0xC000, "4": None}, unnamed_failures=(5,)
    )


def test_the_other_failures_sequence_is_read_as_well() -> None:
    body = b'{"0008119A": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [43264]}}]}}'
    assert parse_store_answer(body).unnamed_failures == (43264,)


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"\r\n "])
def test_an_array_of_one_and_a_mark_before_it_are_taken(prefix: bytes) -> None:
    body = prefix + json.dumps([store_response(stored=["1"])]).encode()
    assert parse_store_answer(body).stored == {"1": None}


@given(st.binary(max_size=300))
def test_no_bytes_are_taken_for_an_instance_by_accident(body: bytes) -> None:
    assert parse_store_answer(body) == StoreAnswer()


@given(JSON)
def test_no_json_is_too_odd(value: object) -> None:
    parse_store_answer(json.dumps(value).encode())


@given(st.lists(st.sampled_from(["a", "DicomAttribute", "Item", "Value"]), max_size=6), st.text("<>&;x", max_size=6))
def test_no_xml_is_too_odd(names: list[str], text: str) -> None:
    opening = "".join(f'<{name} tag="00081199">' for name in names)
    closing = "".join(f"</{name}>" for name in reversed(names))
    assert parse_store_answer(f"{opening}{text}{closing}".encode()).stored == {}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        (" 120 ", 120),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Mon, 05 Jan 2026 12:01:40 GMT", 100),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0),
        ("Monday, 05-Jan-26 12:00:10 GMT", 10),
        ("Mon, 05 Jan 2026 12:01:40 -0000", 100),
        ("Mon, 99 Jan 2026 12:01:40 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOON) == seconds
