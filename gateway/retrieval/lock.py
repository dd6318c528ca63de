"""One process works in an area at a time, proven by a lock that the kernel gives back however the process ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import AreaBusy
from gateway.file_lock import open_lock, take_lock


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock `file`, which lies outside what it guards. Raises AreaBusy where another process holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(file)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquire(file: Path) -> int:
    """Lock the file that has this name. Its last holder may have removed it between our opening and our locking."""
    while True:
        descriptor = open_lock(file)
        if not take_lock(descriptor):
            os.close(descriptor)
            raise AreaBusy(f"another process of this node works on request {file.stem}")
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        os.close(descriptor)
