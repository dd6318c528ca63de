"""What a measurement was made on: figures without it say nothing."""

import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from bench.place import Place
from bench.row import Row
from gateway.disk.file_system import find_mount

_FLUSHES = 200


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, the disk that is measured, and what a flush costs there."""

    processor: str
    disk: str
    flush_ms: float
    late_flush_ms: float

    def __str__(self) -> str:
        flush = f"fdatasync of 32 KB: {self.flush_ms:.2f} ms (p50), {self.late_flush_ms:.2f} ms (p99)"
        return "\n".join((self.processor, self.disk, flush))

    @property
    def rows(self) -> list[Row]:
        """The flushes as rows of the report, with the machine beside them."""
        flushes = {"p50": self.flush_ms, "p99": self.late_flush_ms}
        note = f"{self.processor}; {self.disk}"
        return [
            Row(what=f"fdatasync of 32 KB, {name}", unit="ms", ours=taken, note=note) for name, taken in flushes.items()
        ]


def describe(place: Place) -> Machine:
    """Look at the machine, and try the disk."""
    mount = find_mount(place.directory, Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    system = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    return Machine(
        f"{_processor()}, {system}",
        f"{mount.kind} on {mount.device} ({place.told})",
        *flush_milliseconds(place.directory),
    )


def flush_milliseconds(directory: Path) -> tuple[float, float]:
    """Median and 99th percentile of writing and flushing 32 KB to a new file."""
    taken = []
    for number in range(_FLUSHES):
        file = directory / f"flush-{number}"
        with file.open("wb") as handle:
            handle.write(os.urandom(32_768))
            handle.flush()
            began = time.perf_counter()
            os.fdatasync(handle.fileno())
            taken.append(1000 * (time.perf_counter() - began))
        file.unlink()
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
