"""The directory of one association, with files made ahead: a name is durable before it is needed, and so are blocks.

To flush a file that has just grown takes a write of its bytes and one of the file system's journal. Over zeros that lie
on the disk already it takes the first alone: half the time. So new names get zeros for as long an instance as came
before them, which goes to the disk in the background; what is left of them is cut off when the instance is flushed.
"""

import errno
import os
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID, uuid4

from gateway.spool.area import SpoolArea

_FIRST_NAMES = 4
_MOST_NAMES = 64

LONGEST_AHEAD_BYTES = 262_144
"""For a longer instance the second write of its bytes takes more than it saves."""

_MOST_AHEAD_BYTES = 4 * 1024 * 1024
_BLOCK_BYTES = 4096
_SPARE_BYTES = 256  # instances of a series differ by digits of their UIDs
_ZEROS = bytes(LONGEST_AHEAD_BYTES)


class EmptyFile(NamedTuple):
    """A file to be written, which is all zeros as far as it goes."""

    path: str
    zeros_bytes: int


class AssociationFiles:
    """Hands out empty files `<n>.dcm` in a directory of its own, made with the first of them.

    One more name than was taken always exists while the association is open, so that deleting a finished payload
    never finds the directory empty.
    """

    def __init__(self, area: SpoolArea) -> None:
        self.association_id: UUID = uuid4()
        self.directory = area.incoming / str(self.association_id)
        self._flushing = area.flushing
        self._zeros_ahead = area.zeros_ahead
        self._longest_bytes = 0  # of the instances that came since names were made
        self._unused: list[EmptyFile] = []  # paths are text: a Path costs more than the system call that it is for
        self._made = 0
        self._named = False  # whether the directory's own name is durable

    def take(self) -> EmptyFile:
        """Return the next empty file. Raises OSError where the disk can't take more names."""
        if len(self._unused) <= 1:
            self._make_ahead()
        return self._unused.pop(0)

    def give_back(self, file: EmptyFile) -> None:
        """Take a file back that could not be opened."""
        self._unused.insert(0, file)

    def came(self, length_bytes: int) -> None:
        """A file of this length was filled: those to come are like it, mostly."""
        self._longest_bytes = max(self._longest_bytes, length_bytes)

    def close(self) -> None:
        """Remove the names that were not used, and the directory where nothing was."""
        _remove(self._unused)
        self._unused.clear()
        with suppress(OSError):  # it holds instances, or was never made
            self.directory.rmdir()

    def _make_ahead(self) -> None:
        """Make names and flush them. If that fails none of them counts, and their numbers are not used again."""
        self.directory.mkdir(mode=0o750, exist_ok=True)
        zeros_bytes = self._zeros_bytes()
        most = _MOST_AHEAD_BYTES // zeros_bytes if zeros_bytes else _MOST_NAMES
        count = min(max(self._made, _FIRST_NAMES), _MOST_NAMES, most)
        numbers = range(self._made + 1, self._made + count + 1)
        files = [EmptyFile(f"{self.directory}/{number}.dcm", zeros_bytes) for number in numbers]
        self._made += count
        try:
            for file in files:
                self._make(file)
            if not self._named:
                self._flushing.flush_directory(self.directory.parent)
                self._named = True
            self._flushing.flush_directory(self.directory)
        except OSError:
            _remove(files)
            raise
        self._unused += files

    def _zeros_bytes(self) -> int:
        longest, self._longest_bytes = self._longest_bytes, 0
        blocks = -(-(longest + _SPARE_BYTES) // _BLOCK_BYTES)
        fits = self._zeros_ahead and longest > 0 and blocks * _BLOCK_BYTES <= LONGEST_AHEAD_BYTES
        return blocks * _BLOCK_BYTES if fits else 0

    def _make(self, file: EmptyFile) -> None:
        descriptor = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            if file.zeros_bytes:
                _write_zeros(descriptor, file.zeros_bytes)
                self._flushing.begin_write_back(descriptor, 0, file.zeros_bytes)
        finally:
            os.close(descriptor)


def _write_zeros(descriptor: int, count: int) -> None:
    if os.write(descriptor, memoryview(_ZEROS)[:count]) != count:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _remove(files: list[EmptyFile]) -> None:
    for file in files:
        with suppress(FileNotFoundError):
            os.unlink(file.path)  # noqa: PTH108
