"""The disk that is measured: a journaled file system of its own, where this machine lets us mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.disk.file_system import find_mount
from tests.peers import disks
from tests.peers.components import MissingComponent

_MEGABYTES = 16_000


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and what is to be known of its disk."""

    directory: Path
    told: str


@contextmanager
def measured_disk(directory: Path) -> Iterator[Place]:
    """A new XFS on a loop device below `directory`; where that can't be, `directory` itself, which is then told."""
    with ExitStack() as mounted:
        why = _obstacle(directory)
        if not why:
            try:
                point = mounted.enter_context(disks.mounted(directory, "xfs", _MEGABYTES))
            except (MissingComponent, subprocess.CalledProcessError) as error:
                why = str(error)
            else:
                _pass_the_cache_below(point)
                yield Place(point, "a journaled file system of its own on a loop device")
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


def _pass_the_cache_below(point: Path) -> None:
    """Else every byte is copied, kept and flushed twice, by a thread of the kernel. Not every disk below takes that."""
    mount = find_mount(point, Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    subprocess.run(["losetup", "--direct-io=on", mount.device], check=False, capture_output=True)


def _obstacle(directory: Path) -> str:
    if os.geteuid() != 0:
        return "only root can mount one"
    free = shutil.disk_usage(directory).free // 1_000_000
    return "" if free > 1.2 * _MEGABYTES else f"it would need {_MEGABYTES} MB, and {free} MB are free"
