"""A small file system of its own, on a loop device: to be filled to the last byte. Needs root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.peers.components import FILE_SYSTEMS, MissingComponent

_PIECE_BYTES = 262_144


@contextmanager
def mounted(directory: Path, kind: str = "ext4", megabytes: int = 64) -> Iterator[Path]:
    """Mount a new file system of this kind and size; it is gone with all that it holds when the block ends."""
    if os.geteuid() != 0:
        raise MissingComponent("a file system of its own can only be mounted as root")
    image, point = directory / f"{kind}.img", directory / kind
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    subprocess.run([FILE_SYSTEMS.file(f"mkfs.{kind}"), "-q", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, point], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)
        image.unlink()


def cut_power(point: Path) -> None:
    """Stop the file system as a power cut does, nothing written that was not flushed, and mount it again."""
    subprocess.run([FILE_SYSTEMS.file("xfs_io"), "-x", "-c", "shutdown", point], check=True)
    subprocess.run(["umount", point], check=True)
    subprocess.run(["mount", "-o", "loop", point.with_suffix(".img"), point], check=True)


def fill(point: Path, leave_bytes: int) -> Path:
    """Take all the room but about `leave_bytes` with one file, and return it."""
    filler = point / "filler"
    with filler.open("wb") as file, suppress(OSError):  # the last blocks are for the file system itself
        while (free := _free_bytes(point) - leave_bytes) > 0:
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), min(free, _PIECE_BYTES))
    return filler


def _free_bytes(point: Path) -> int:
    space = os.statvfs(point)
    return space.f_bavail * space.f_frsize
