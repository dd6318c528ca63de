"""One process of a kind for each data directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import AlreadyRunning

_TRIES, _TRY_AGAIN_SECONDS = 5, 0.05


def lock_file(data_dir: Path, role: str) -> Path:
    """Where the process that has this role holds its lock."""
    return data_dir / "run" / f"{role}.lock"


@contextmanager
def only_one(data_dir: Path, role: str) -> Iterator[None]:
    """Hold the role's lock. Raises AlreadyRunning, which names the process that holds it."""
    file = lock_file(data_dir, role)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        _take(descriptor, data_dir, role)
        yield
    finally:
        os.close(descriptor)


def holder(data_dir: Path, role: str) -> int | None:
    """Return the id of the process that has the role now, None where nobody has."""
    try:
        descriptor = os.open(lock_file(data_dir, role), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _process_id(descriptor)
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int, data_dir: Path, role: str) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TRY_AGAIN_SECONDS)  # `mig status` looks by holding it for a moment
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return
    raise AlreadyRunning(f"data_dir {data_dir}: `mig {role}` runs on it already, as process {_process_id(descriptor)}")


def _process_id(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
