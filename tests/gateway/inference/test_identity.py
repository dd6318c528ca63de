"""The ids of a request, and its class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inference.identity import (
    PriorityClass,
    correlation_id,
    payload_id,
    priority_class,
    request_id,
    trigger_source,
)


@given(st.text(), st.text())
def test_ids_are_the_same_whenever_they_are_made_and_different_for_each_transaction(one: str, other: str) -> None:
    assert request_id(one) == request_id(one)
    assert (request_id(one) == request_id(other)) == (one == other)


@given(st.text())
def test_the_ids_of_a_request_are_three_and_its_source_fits_into_an_event(transaction_id: str) -> None:
    request = request_id(transaction_id)
    assert len({request, payload_id(request), correlation_id(request)}) == 3
    assert 0 < len(trigger_source(request)) <= 15


def test_ids_stay_what_they_are_from_version_to_version() -> None:
    request = request_id("T-1")
    assert str(request) == "9f235b63-4472-543a-8300-eff21753ca1b"
    assert str(payload_id(request)) == "62dcf270-1ab6-5043-bff0-0069a720b956"
    assert trigger_source(request) == "ACR-9f235b63447"


@pytest.mark.parametrize(
    ("priority", "expected"),
    [(0, "lower"), (127, "lower"), (128, "normal"), (129, "higher"), (254, "higher"), (255, "immediate")],
)
def test_a_priority_has_one_of_four_classes(priority: int, expected: str) -> None:
    assert priority_class(priority) is PriorityClass(expected)
