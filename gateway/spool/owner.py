"""The one process that adds to an area of the spool, proven by a lock that it holds for its life."""

from contextlib import AbstractContextManager
from pathlib import Path

from gateway.disk.lock_file import LockHolder, holder_of, locked
from gateway.errors import SpoolOwned

_ROLE = "scp"


def owned(root: Path) -> AbstractContextManager[None]:
    """Hold the area at `root`. Raises SpoolOwned where another process does, which it names."""
    return locked(_lock_file(root), _ROLE, lambda holder: SpoolOwned(f"{root} is in use by {holder}"))


def owner_of(root: Path) -> LockHolder | None:
    """Return who holds the area now, None where nobody does."""
    return holder_of(_lock_file(root))


def _lock_file(root: Path) -> Path:
    return root / "owner.lock"
