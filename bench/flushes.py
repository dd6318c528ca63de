"""How often a process asks the disk to keep something: system calls, counted by strace where that is installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.attached import attached

_CALLS = ("fdatasync", "fsync", "sync", "syncfs")


class Flushes:
    """Their number, once the block has ended; None where they can't be counted."""

    count: int | None = None


@contextmanager
def counted(pid: int, directory: Path) -> Iterator[Flushes]:
    """Count the flushes of a process and its threads during the block. It is much slower meanwhile."""
    flushes, told = Flushes(), directory / "strace"
    if not shutil.which("strace"):
        yield flushes
        return
    options: list[str | Path] = ["-f", "-c", "-e", f"trace={','.join(_CALLS)}", "-o", told]
    with attached(["strace", *options, "-p", str(pid)], b"attached", directory) as counts:
        yield flushes
    if counts:
        rows = (line.split() for line in told.read_text(encoding="utf-8").splitlines())
        flushes.count = sum(int(row[3]) for row in rows if row and row[-1] in _CALLS)
