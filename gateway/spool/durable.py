"""Writes that are still there after a power cut, or, with `Durability.OS`, after `kill -9` only."""

import os
from enum import StrEnum
from pathlib import Path


class Durability(StrEnum):
    """How far a promise reaches: "disk" survives a power cut, "os" the end of every process of ours."""

    DISK = "disk"
    OS = "os"


def flush_file(descriptor: int, durability: Durability) -> None:
    """Bring a file's bytes, and the size needed to read them, to the disk. Raises OSError once, then never again."""
    if durability is Durability.DISK:
        os.fdatasync(descriptor)


def flush_directory(directory: Path, durability: Durability) -> None:
    """Bring a directory's names to the disk."""
    if durability is Durability.DISK:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_whole(path: Path, content: bytes, durability: Durability) -> None:
    """Write a file that is there with all of `content` or not at all; durable on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            flush_file(file.fileno(), durability)
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush_directory(path.parent, durability)


def move(source: Path, target: Path, durability: Durability) -> None:
    """Rename a file into another directory; durable in both on return. The source may already have moved."""
    try:
        source.rename(target)
    except FileNotFoundError:
        if not target.exists():
            raise
    flush_directory(target.parent, durability)
    flush_directory(source.parent, durability)
