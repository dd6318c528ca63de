"""Instances and payloads by the hour, as columns of one small picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.operations.traffic import Hour

WIDTH, HEIGHT = 240, 40
_GAP = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One hour, as high as it had instances."""

    hour: Hour
    x: float
    y: float
    width: float
    height: float


def columns(hours: Sequence[Hour]) -> list[Column]:
    """Return a column for each hour."""
    most = max((hour.instances for hour in hours), default=0) or 1
    width = WIDTH / max(len(hours), 1)
    found = []
    for number, hour in enumerate(hours):
        height = HEIGHT * hour.instances / most
        found.append(Column(hour, round(number * width, 1), round(HEIGHT - height, 1), width - _GAP, round(height, 1)))
    return found
