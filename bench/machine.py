"""What a measurement was made on: figures without it say nothing."""

import os
import platform
import statistics
import time
from pathlib import Path

from gateway.spool.file_system import find_mount

_FLUSHES = 200


def describe(directory: Path) -> str:
    """Return the machine, the file system of `directory`, and what a flush costs there, in lines."""
    mount = find_mount(directory, Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    median, late = flush_milliseconds(directory)
    return "\n".join(
        (
            f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
            f"{mount.kind} on {mount.device}: fdatasync of 32 KB takes {median:.2f} ms (p50), {late:.2f} ms (p99)",
        )
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
