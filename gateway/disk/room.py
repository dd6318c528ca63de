"""Is there room for more? Senders are refused while enough is left to drain what is here.

Spool, local object store, SQLite and Prefect's own database may share a disk: a spool that filled it would stop the
very work that empties it.
"""

import errno
import os
from collections.abc import Callable
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
        kept = max(self._reserve_bytes, int(disk.f_blocks * disk.f_frsize * _KEPT_FREE), largest_payload_bytes)
        free = disk.f_bavail * disk.f_frsize
        if free < kept + writers * LOOK_AGAIN_BYTES:
            raise NoRoom(
                f"{free // 1_000_000} MB are free on the spool's disk, {kept // 1_000_000} MB are kept to drain"
            )
        if disk.f_files and disk.f_favail < disk.f_files * _KEPT_INODES:  # some file systems count no inodes
            raise NoRoom(f"{disk.f_favail} inodes are free on the spool's disk")
