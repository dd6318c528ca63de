"""A payload's time, as bars."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from gateway.operations.payload_view import PayloadState, closed_view
from gateway.payloads.rows import row_of
from gateway.wording import size
from listeners.page.rendering import duration
from listeners.page.timeline import WIDTH, timeline
from tests.deployments.payloads import made_payload

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def steps(**moments: Any) -> list[tuple[str, float, int]]:
    view = closed_view(row_of(made_payload(uuid4())), PayloadState.ANNOUNCED, (), None, None)
    times = {
        "opened": BEGAN,
        "last_received": None,
        "closed": None,
        "run_asked": None,
        "uploaded": None,
        "announced": None,
    } | moments
    for name, moment in times.items():
        object.__setattr__(view, name, moment)
    return [(step.name, round(step.length.total_seconds(), 3), step.x) for step in timeline(view)]


def test_each_step_lasts_until_the_next() -> None:
    told = steps(
        last_received=after(4), closed=after(9), run_asked=after(9.5), uploaded=after(9.8), announced=after(10)
    )
    assert told == [
        ("received", 4, 0),
        ("quiet, until it was closed", 5, 400),
        ("until a run was asked for", 0.5, 900),
        ("until it was stored", 0.3, 950),
        ("until it was announced", 0.2, 980),
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert steps(closed=after(9)) == [("quiet, until it was closed", 9, 0)]
    assert steps() == []


def test_a_clock_that_went_back_spoils_no_picture() -> None:
    told = steps(last_received=after(4), closed=after(3), announced=after(10))
    assert [name for name, _, _ in told] == ["received", "until it was announced"]


def test_a_step_of_milliseconds_is_seen() -> None:
    view = closed_view(row_of(made_payload(uuid4())), PayloadState.ANNOUNCED, (), None, None)
    for name, moment in {"opened": BEGAN, "last_received": after(3600), "closed": after(3600.01)}.items():
        object.__setattr__(view, name, moment)
    last = timeline(view)[-1]
    assert last.width >= 4
    assert last.x + last.width <= WIDTH


def test_lengths_and_sizes_are_written_for_people() -> None:
    lengths = [duration(timedelta(seconds=seconds)) for seconds in (0.04, 9.9, 75, 600, 5000, 200_000)]
    assert lengths == ["0.0 s", "9.9 s", "75 s", "10 min", "1 h 23 min", "2 d 7 h"]
    assert [size(count) for count in (0, 999, 1500, 170_289_504, 2_500_000_000)] == [
        *("0 B", "999 B", "1.5 KB", "170 MB", "2.5 GB")
    ]
