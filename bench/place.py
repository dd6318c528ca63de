"""The disk that is measured: a journaled file system of its own, where this machine lets us mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers import disks
from tests.peers.components import MissingComponent

_MEGABYTES = 16_000
_AT_ONCE = ("-E", "lazy_itable_init=0,lazy_journal_init=0")  # else the kernel goes on making it while we measure


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and what is to be known of its disk."""

    directory: Path
    told: str


@contextmanager
def measured_disk(directory: Path) -> Iterator[Place]:
    """A new ext4 on a loop device below `directory`; where that can't be, `directory` itself, which is then told."""
    with ExitStack() as mounted:
        why = _obstacle(directory)
        if not why:
            try:
                point = mounted.enter_context(disks.mounted(directory, "ext4", _MEGABYTES, _AT_ONCE))
            except (MissingComponent, subprocess.CalledProcessError) as error:
                why = str(error)
            else:
                yield Place(point, "a journaled ext4 of its own on a loop device")
                return
        yield Place(directory, f"not a file system of its own: {why}")


@contextmanager
def emptied(directory: Path) -> Iterator[Path]:
    """Make `directory` for the block; afterwards remove it, and let the disk finish what it still has to write."""
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
        subprocess.run(["sync", "--file-system", directory.parent], check=True)


def _obstacle(directory: Path) -> str:
    if os.geteuid() != 0:
        return "only root can mount one"
    free = shutil.disk_usage(directory).free // 1_000_000
    return "" if free > 1.2 * _MEGABYTES else f"it would need {_MEGABYTES} MB, and {free} MB are free"
