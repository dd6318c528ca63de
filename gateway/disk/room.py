"""Is there room for more? Senders are refused while enough is left to drain what is here.

Spool, local object store, SQLite and Prefect's own database may share a disk: a spool that filled it would stop the
very work that empties it.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.errors import NoRoom

LOOK_AGAIN_BYTES = 16 * 1024 * 1024
"""An association may write this much before the room is looked at again."""

LOOK_AGAIN_SECONDS = 0.25
"""And it may go on for so long: others write to the disk as well."""

_KEPT_FREE = 0.05
_KEPT_INODES = 0.01


def is_full(error: OSError) -> bool:
    """Whether a write failed because the disk, or our share of it, is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


class FileSystemSpace(Protocol):
    """What `os.statvfs` tells of a file system; see statvfs(3)."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...
    @property
    def f_files(self) -> int: ...
    @property
    def f_favail(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Space:
    """What is free, how much of that is kept to drain what is here, and how large the file system is."""

    free_bytes: int
    kept_bytes: int
    size_bytes: int


class Room:
    """The free space of the file system below `path`."""

    def __init__(self, path: Path, reserve_bytes: int, statvfs: Callable[[Path], FileSystemSpace] = os.statvfs) -> None:
        self._path = path
        self._reserve_bytes = reserve_bytes
        self._statvfs = statvfs

    def check(self, largest_payload_bytes: int, writers: int) -> None:
        """Return if another instance may come in, else raise NoRoom.

        What is kept free: the largest of `reserve_bytes`, 5 % of the file system and the largest payload that is
        open, and on top of it what each of `writers` associations may write before they look again.
        """
        disk = self._statvfs(self._path)
        space = self._space(disk, largest_payload_bytes)
        if space.free_bytes < space.kept_bytes + writers * LOOK_AGAIN_BYTES:
            free, kept = space.free_bytes // 1_000_000, space.kept_bytes // 1_000_000
            raise NoRoom(f"{free} MB are free on the spool's disk, {kept} MB are kept to drain")
        if disk.f_files and disk.f_favail < disk.f_files * _KEPT_INODES:  # some file systems count no inodes
            raise NoRoom(f"{disk.f_favail} inodes are free on the spool's disk")

    def space(self) -> Space:
        """Look at the disk, as if no payload were open. Raises OSError."""
        return self._space(self._statvfs(self._path), 0)

    def _space(self, disk: FileSystemSpace, largest_payload_bytes: int) -> Space:
        size = disk.f_blocks * disk.f_frsize
        kept = max(self._reserve_bytes, int(size * _KEPT_FREE), largest_payload_bytes)
        return Space(disk.f_bavail * disk.f_frsize, kept, size)
