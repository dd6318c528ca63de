"""A tree of directories in which a file appears whole under its name, or not at all, and survives a power cut."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from gateway.disk.durable import Durability

_ABANDONED_SECONDS = 24 * 3600
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class DurableTree:
    """Everything below `root`; files are written in its directory `writing`, which must be of the same file system."""

    def __init__(self, root: Path, writing: Path) -> None:
        self._root = root
        self._writing = writing
        self._made: set[Path] = set()  # directories that are known to be there, and durable

    @contextmanager
    def written(self, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
        """A durable file with what `write` gave it. It is gone at the end of the block unless it was named."""
        if self._writing not in self._made:
            self.make(self._writing)
            self._remove_abandoned()
        temporary = self._writing / uuid4().hex
        try:
            with os.fdopen(os.open(temporary, _NEW_FILE, 0o640), "wb") as file:
                write(file)
                file.flush()
                Durability.DISK.flush_file(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def name(self, written: Path, target: Path) -> None:
        """Give a written file its name, in place of the file that has it."""
        while True:
            try:
                self.make(target.parent)
                written.rename(target)
                break
            except FileNotFoundError:
                if not written.exists():
                    raise
                self._made.clear()  # an emptied directory has just been removed, here or in another process
        with suppress(FileNotFoundError):  # the file may have been removed already, and its directory with it
            Durability.DISK.flush_directory(target.parent)

    def make(self, directory: Path) -> None:
        """Make a directory, with all that is missing above it."""
        if directory in self._made or (not directory.is_relative_to(self._root) and directory.is_dir()):
            return
        self.make(directory.parent)
        with suppress(FileExistsError):  # `exist_ok` looks again, and another may have removed it in between
            directory.mkdir(mode=0o750)
        # Also where it was there already: another process may have made it and not flushed it yet.
        Durability.DISK.flush_directory(directory.parent)
        self._made.add(directory)

    def remove(self, file: Path) -> None:
        """Remove a file; one that is not there is no error."""
        with suppress(FileNotFoundError, NotADirectoryError):
            file.unlink()
            Durability.DISK.flush_directory(file.parent)

    def remove_emptied(self, directory: Path, top: Path) -> None:
        """Remove a directory if it is empty, and so on upwards, but not `top`."""
        with suppress(OSError):  # one that is not empty ends it
            while directory != top:
                self._made.discard(directory)
                directory.rmdir()
                directory = directory.parent

    def _remove_abandoned(self) -> None:
        """Remove what killed processes left half-written."""
        for entry in self._writing.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS:
                    entry.unlink()
