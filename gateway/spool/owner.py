"""The one process that adds to a door's area, proven by a lock that it holds for its life."""

import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.errors import SpoolOwned
from gateway.file_lock import open_lock, take_lock


class OwnerLock:
    """An exclusive `flock` on `owner.lock`; the kernel gives it back however the process ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor = -1

    def __enter__(self) -> Self:
        descriptor = open_lock(self._file)
        if not take_lock(descriptor):
            os.close(descriptor)
            raise SpoolOwned(f"{self._file.parent} is in use by {read_owner(self._file)}")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def read_owner(file: Path) -> str:
    """Say who last took the lock, for a person."""
    try:
        owner = json.loads(file.read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
