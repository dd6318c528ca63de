import pytest
from structlog.testing import capture_logs

from gateway.errors import DatabaseUnavailable, PrefectRefused, PrefectUnavailable
from gateway.work.outage import Outages
from tests.clock import MovableClock

AWAY = PrefectUnavailable("Prefect does not answer (ConnectError)")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def outages(clock: MovableClock) -> Outages:
    """Of a process that has met everybody."""
    outages = Outages(clock)
    outages.over("poll")
    return outages


def test_an_outage_is_said_when_it_begins_and_when_it_ends(outages: Outages, clock: MovableClock) -> None:
    with capture_logs() as logs:
        for _ in range(5):
            outages.began(AWAY, "poll")
            clock.move(2)
        outages.over("poll")
        outages.over("poll")
    assert [log["event"] for log in logs] == ["Prefect is away; waiting for it", "Prefect is back"]
    assert logs[0]["reason"] == "Prefect does not answer (ConnectError)"
    assert logs[1]["away_seconds"] == 10


def test_the_last_service_to_recover_says_that_it_is_over(outages: Outages) -> None:
    with capture_logs() as logs:
        outages.began(AWAY, "poll")
        outages.began(AWAY, "heartbeat")
        outages.over("poll")
        outages.began(AWAY, "poll")
        outages.over("heartbeat")
        outages.over("poll")
    assert len(logs) == 2


def test_each_part_has_outages_of_its_own(outages: Outages) -> None:
    with capture_logs() as logs:
        outages.began(AWAY, "dispatch")
        outages.began(DatabaseUnavailable("locked"), "dispatch")
        outages.over("dispatch")
    assert [log["event"].partition(";")[0] for log in logs] == [
        "Prefect is away",
        "the database is away",
        "Prefect is back",
        "the database is back",
    ]


def test_a_refusal_counts_as_an_outage_that_somebody_ends(outages: Outages) -> None:
    with capture_logs() as logs:
        outages.began(PrefectRefused("Prefect answered 401 to POST"), "poll")
    assert logs[0]["reason"] == "Prefect answered 401 to POST"


def test_nothing_is_said_of_a_part_that_starts_together_with_us(clock: MovableClock) -> None:
    outages = Outages(clock)
    with capture_logs() as logs:
        outages.began(AWAY, "poll")
        clock.move(19)
        outages.began(AWAY, "poll")
        outages.over("poll")
    assert logs == []


def test_but_of_one_that_does_not_come(clock: MovableClock) -> None:
    outages = Outages(clock)
    outages.began(AWAY, "poll")
    clock.move(21)
    with capture_logs() as logs:
        outages.began(AWAY, "poll")
        outages.over("poll")
    assert [log["event"] for log in logs] == ["Prefect is away; waiting for it", "Prefect is back"]
