from datetime import UTC, datetime

import pytest

from gateway.errors import Dependency
from gateway.waiting import dependency_of, next_delay_seconds, waiting_message

NEXT_TRY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("dependency", list(Dependency))
def test_what_a_run_waits_for_is_read_back_from_its_message(dependency: Dependency) -> None:
    assert dependency_of(waiting_message(dependency, "connection refused", NEXT_TRY)) is dependency


def test_the_message_tells_why_and_until_when() -> None:
    message = waiting_message(Dependency.OBJECT_STORE, "minio:9000 does not answer.", NEXT_TRY)
    assert message == (
        "Waits for the object store: minio:9000 does not answer. "
        "Tries again by 2026-03-01 12:00:00 UTC, or when it answers."
    )


@pytest.mark.parametrize("message", [None, "", "Waits for the weather: rain", "the object store is away"])
def test_any_other_message_names_nothing(message: str | None) -> None:
    assert dependency_of(message) is None


def test_the_delays_grow_to_a_quarter_of_an_hour() -> None:
    assert [next_delay_seconds(count) for count in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]
    assert next_delay_seconds(0) == 30
    assert next_delay_seconds(10_000) == 900
