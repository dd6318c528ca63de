"""The directory of one association, with names made ahead: a name is durable before it is needed."""

import os
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from gateway.spool.durable import Flushing

_FIRST_NAMES = 4
_MOST_NAMES = 64


class AssociationFiles:
    """Hands out empty files `<n>.dcm` in a directory of its own, made with the first of them.

    One more name than was taken always exists while the association is open, so that deleting a finished payload
    never finds the directory empty.
    """

    def __init__(self, incoming: Path, flushing: Flushing) -> None:
        self.association_id: UUID = uuid4()
        self.directory = incoming / str(self.association_id)
        self._flushing = flushing
        self._unused: list[str] = []  # text: a Path costs more than the system call that it is for
        self._made = 0
        self._named = False  # whether the directory's own name is durable

    def take(self) -> str:
        """Return the next empty file. Raises OSError where the disk can't take more names."""
        if len(self._unused) <= 1:
            self._make_ahead()
        return self._unused.pop(0)

    def close(self) -> None:
        """Remove the names that were not used, and the directory where nothing was."""
        _remove(self._unused)
        self._unused.clear()
        with suppress(OSError):  # it holds instances, or was never made
            self.directory.rmdir()

    def _make_ahead(self) -> None:
        """Make names and flush them. If that fails none of them counts, and their numbers are not used again."""
        self.directory.mkdir(mode=0o750, exist_ok=True)
        count = min(max(self._made, _FIRST_NAMES), _MOST_NAMES)
        names = [f"{self.directory}/{self._made + number}.dcm" for number in range(1, count + 1)]
        self._made += count
        try:
            for path in names:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
            if not self._named:
                self._flushing.flush_directory(self.directory.parent)
                self._named = True
            self._flushing.flush_directory(self.directory)
        except OSError:
            _remove(names)
            raise
        self._unused += names


def _remove(names: list[str]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108
