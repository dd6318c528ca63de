from datetime import UTC, datetime

from gateway.clock import time_of


def test_a_time_keeps_its_microseconds() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, 123_457, tzinfo=UTC)
    nanoseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)).days * 86_400 * 10**9 + (
        (5 * 3600 + 6 * 60 + 7) * 10**9 + 123_457_999
    )
    assert time_of(nanoseconds) == moment
