"""One process of a kind for each data directory."""

from contextlib import AbstractContextManager
from pathlib import Path

from gateway.disk.lock_file import LockHolder, holder_of, locked
from gateway.errors import AlreadyRunning
from gateway.paths import Paths


def only_one(data_dir: Path, role: str) -> AbstractContextManager[None]:
    """Hold the role's lock. Raises AlreadyRunning, which names the process that holds it."""
    return locked(Paths(data_dir).role_lock(role), role, lambda holder: runs_already(data_dir, role, holder))


def holder(data_dir: Path, role: str) -> LockHolder | None:
    """Return the process that has the role now, None where nobody has."""
    return holder_of(Paths(data_dir).role_lock(role))


def runs_already(data_dir: Path, role: str, by: LockHolder) -> AlreadyRunning:
    """The error for a role that another process has."""
    return AlreadyRunning(f"data_dir {data_dir}: `mig {role}` runs on it already, as {by}")
