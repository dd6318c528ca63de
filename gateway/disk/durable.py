"""Writes that are still there after a power cut, or, with `Durability.OS`, after `kill -9` only."""

import ctypes
import os
from enum import StrEnum
from pathlib import Path
from typing import Protocol

_SYNC_FILE_RANGE_WRITE = 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


class Flushing(Protocol):
    """What brings bytes and names to the disk. Each raises OSError once; the kernel then forgets the pages."""

    def flush_file(self, descriptor: int) -> None:
        """Flush a file's bytes, and the size needed to read them."""

    def flush_directory(self, directory: Path) -> None:
        """Flush a directory's names."""

    def begin_write_back(self, descriptor: int, start: int, count: int) -> None:
        """Let the kernel start on a part of a large file, so that its flush is short. Promises nothing."""

    def flush_file_system(self, directory: Path) -> None:
        """Flush all that processes before this one left behind."""


class Durability(StrEnum):
    """How far a promise reaches: "disk" survives a power cut, "os" the end of every process of ours."""

    DISK = "disk"
    OS = "os"

    def flush_file(self, descriptor: int) -> None:
        if self is Durability.DISK:
            os.fdatasync(descriptor)

    def flush_directory(self, directory: Path) -> None:
        if self is Durability.DISK:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def begin_write_back(self, descriptor: int, start: int, count: int) -> None:
        if self is Durability.DISK:
            _libc.sync_file_range(descriptor, start, count, _SYNC_FILE_RANGE_WRITE)

    def flush_file_system(self, directory: Path) -> None:
        if self is Durability.DISK:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                if _libc.syncfs(descriptor):
                    raise OSError(ctypes.get_errno(), "syncfs failed")
            finally:
                os.close(descriptor)


def write_whole(path: Path, content: bytes, flushing: Flushing) -> None:
    """Write a file that is there with all of `content` or not at all; durable on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            flushing.flush_file(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flushing.flush_directory(path.parent)


def move(source: Path, target: Path, flushing: Flushing) -> None:
    """Rename a file into another directory; durable in both on return. The source may already have moved."""
    try:
        source.rename(target)
    except FileNotFoundError:
        if not target.exists():
            raise
    flushing.flush_directory(target.parent)
    flushing.flush_directory(source.parent)
