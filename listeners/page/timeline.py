"""How a payload spent its time: each step from its moment to the next, as bars of one picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from gateway.operations.payload_view import PayloadView

WIDTH = 1000  # of the whole picture, in units of its own
_LEAST = 4  # so that a step of milliseconds is seen


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: what happened from `begin` on, and how long it took."""

    name: str
    begin: datetime
    length: timedelta
    x: int
    width: int


def timeline(view: PayloadView) -> list[Step]:
    """Return the steps that a payload has been through, up to the last that is known."""
    moments = list(_moments(view))
    if len(moments) < 2:
        return []
    first, last = moments[0][1], moments[-1][1]
    whole = max((last - first).total_seconds(), 0.001)
    steps = []
    for (_, begin), (name, end) in pairwise(moments):
        x, until = (round(WIDTH * (each - first).total_seconds() / whole) for each in (begin, end))
        steps.append(Step(name, begin, end - begin, min(x, WIDTH - _LEAST), max(until - x, _LEAST)))
    return steps


def _moments(view: PayloadView) -> Iterator[tuple[str, datetime]]:
    """Each moment with the name of what had lasted until then, in order, without those that clocks have mixed up."""
    came, closed = ("received", "quiet, until it was closed")
    if view.request_id:
        came, closed = ("fetched", "until it was known to be all")
    known = [
        ("", view.opened),
        (came, view.last_received),
        (closed, view.closed),
        ("until a run was asked for", view.run_asked),
        ("until it was stored", view.uploaded),
        ("until it was announced", view.announced),
    ]
    latest: datetime | None = None
    for name, moment in known:
        if moment is not None and (latest is None or moment >= latest):
            latest = moment
            yield name, moment
