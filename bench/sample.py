"""What one round of a measurement took, and what several rounds say together."""

import os
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_CORES = os.cpu_count() or 1
_BUSY = 0.9  # of a core: who works that much of the time is what the others wait for

_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True)
class Sample:
    """One round. CPU is that of who is measured; that of the other side is told apart, since it may be the limit."""

    instances: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int = 0
    other_cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Instances a second."""
        return self.instances / self.seconds


@dataclass(frozen=True, slots=True)
class Median:
    """The medians of several rounds."""

    rate: float
    seconds: float
    cpu_ms: float  # for each instance
    peak_mb: float
    cores: float  # that who is measured kept busy
    other_cores: float

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> "Median":
        """Summarize rounds of one measurement."""
        rounds = list(samples)
        return cls(
            statistics.median(each.rate for each in rounds),
            statistics.median(each.seconds for each in rounds),
            statistics.median(1000 * each.cpu_seconds / each.instances for each in rounds),
            statistics.median(each.peak_bytes for each in rounds) / 1e6,
            statistics.median(each.cpu_seconds / each.seconds for each in rounds),
            statistics.median(each.other_cpu_seconds / each.seconds for each in rounds),
        )

    def limit(self, senders: int = 1) -> str:
        """Say who was the limit, where that was not who is measured; empty where nothing hints at it."""
        if self.other_cores >= _BUSY * min(senders, _CORES):
            return "the senders were the limit"
        if self.cores + self.other_cores >= _BUSY * _CORES:
            share = self.other_cores / (self.cores + self.other_cores)
            return f"all cores busy, {share:.0%} of that with senders"
        return ""


def interleaved(
    ways: Mapping[_Name, Callable[[], Sample]], rounds: int, say: Callable[[str], None], title: str
) -> dict[_Name, list[Sample]]:
    """Take every way once a round, so that what disturbs the machine disturbs all of them alike."""
    found: dict[_Name, list[Sample]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, way in ways.items():
            say(f"{title}: round {number} of {rounds}")
            found[name].append(way())
    return found
