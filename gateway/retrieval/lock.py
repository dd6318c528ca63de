"""One process works in an area at a time, proven by a lock that the kernel gives back however the process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import AreaBusy


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock `file`, which lies outside what it guards. Raises AreaBusy where another process holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(file)
    try:
        yield
    finally:
        os.close(descriptor)


def is_locked(file: Path) -> bool:
    """Whether a process holds the lock now."""
    try:
        with file.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _acquire(file: Path) -> int:
    """Lock the file that has this name. Its last holder may have removed it between our opening and our locking."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise AreaBusy(f"another process of this node works on request {file.stem}") from error
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        os.close(descriptor)
