"""One process of a kind for each data directory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import AlreadyRunning
from gateway.file_lock import is_locked, open_lock, take_lock


def lock_file(data_dir: Path, role: str) -> Path:
    """Where the process that has this role holds its lock."""
    return data_dir / "run" / f"{role}.lock"


@contextmanager
def only_one(data_dir: Path, role: str) -> Iterator[None]:
    """Hold the role's lock. Raises AlreadyRunning, which names the process that holds it."""
    file = lock_file(data_dir, role)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = open_lock(file)
    try:
        if not take_lock(descriptor):
            process_id = _process_id(file)
            raise AlreadyRunning(f"data_dir {data_dir}: `mig {role}` runs on it already, as process {process_id}")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(data_dir: Path, role: str) -> int | None:
    """Return the id of the process that has the role now, None where nobody has."""
    file = lock_file(data_dir, role)
    return _process_id(file) if is_locked(file) else None


def _process_id(file: Path) -> int:
    text = file.read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else 0
