"""The processes of a node: one of each role on a data directory, which tells others where it is found."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gateway.disk.lock_file import LockHolder, holder_of, locked
from gateway.disk.paths import Paths
from gateway.errors import AlreadyRunning


def only_one(data_dir: Path, role: str, told: Mapping[str, Any] | None = None) -> AbstractContextManager[None]:
    """Hold the role's lock. Raises AlreadyRunning, which names the process that holds it."""
    return locked(Paths(data_dir).role_lock(role), role, lambda holder: runs_already(data_dir, role, holder), told)


def holder(data_dir: Path, role: str) -> LockHolder | None:
    """Return the process that has the role now, None where nobody has."""
    return holder_of(Paths(data_dir).role_lock(role))


def runs_already(data_dir: Path, role: str, by: LockHolder) -> AlreadyRunning:
    """The error for a role that another process has."""
    return AlreadyRunning(f"data_dir {data_dir}: `mig {role}` runs on it already, as {by}")
