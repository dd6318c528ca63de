"""How often a process asks the disk to keep something: system calls, counted by strace where that is installed."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

_CALLS = frozenset({"fsync", "fdatasync", "syncfs", "sync"})
_SECONDS = 60


class Flushes:
    """Their number, once the block has ended."""

    count = 0


def can_count() -> bool:
    """Whether there is what counts."""
    return shutil.which("strace") is not None


@contextmanager
def counted(pid: int, told: Path) -> Iterator[Flushes]:
    """Count the flushes of a process and its threads during the block, in `told`. It is much slower meanwhile."""
    flushes, log = Flushes(), told.with_suffix(".log")
    command: list[str | Path] = [
        "strace",
        "-f",
        "-c",
        "-e",
        f"trace={','.join(sorted(_CALLS))}",
        "-o",
        told,
        "-p",
        str(pid),
    ]
    with log.open("wb") as written:
        tracer = subprocess.Popen(command, stderr=written)
    try:
        wait_until(lambda: b"attached" in log.read_bytes(), _SECONDS, "strace to begin")
        yield flushes
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(_SECONDS)
    rows = (line.split() for line in told.read_text(encoding="utf-8").splitlines())
    flushes.count = sum(int(row[3]) for row in rows if row and row[-1] in _CALLS)
