"""One process at a time, proven by a lock on a file that the kernel gives back however its holder ends (flock(2)).

The file says who holds it, for people: role, process, host, since when, and what more the holder tells, such as the
port that it listens on.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError

_TRY_AGAIN_SECONDS = 0.02
_LOOK_SECONDS = 0.25  # `is_locked` looks by holding it for a moment


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock; without a process id where its file does not say, as that of an older version."""

    role: str = ""
    process_id: int = 0
    host: str = ""
    since: datetime | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"process {self.process_id} on {self.host}" if self.process_id else "another process"


@contextmanager
def locked(
    file: Path,
    role: str,
    collision: Callable[[LockHolder], GatewayError],
    told: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """Hold the lock `file`, made where it is missing, as the process that has this role, which tells others that much.

    Raises what `collision` makes of its holder where another process has it. Who holds it may remove it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(file, _LOOK_SECONDS)
    if descriptor is None:
        raise collision(_written_in(file))
    try:
        with suppress(OSError):  # on a full disk the lock holds all the same
            _write_holder(descriptor, role, told or {})
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_for_a_moment(file: Path, wait_seconds: float) -> Iterator[int | None]:
    """Hold the lock of a file with content of its own, whose descriptor is given; None where it was not to be had."""
    descriptor = _acquire(file, wait_seconds)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
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


def holder_of(file: Path) -> LockHolder | None:
    """Return who holds the lock now, None where nobody does."""
    return _written_in(file) if is_locked(file) else None


def _acquire(file: Path, wait_seconds: float) -> int | None:
    """Lock the file that has this name. Its last holder may have removed it between our opening and our locking."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if not _take(descriptor, wait_seconds):
            os.close(descriptor)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        os.close(descriptor)


def _take(descriptor: int, wait_seconds: float) -> bool:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_TRY_AGAIN_SECONDS)
        else:
            return True


def _write_holder(descriptor: int, role: str, told: Mapping[str, Any]) -> None:
    holder = {"role": role, "pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
    holder |= {"told": told} if told else {}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _written_in(file: Path) -> LockHolder:
    try:
        found = json.loads(file.read_bytes())
        since = datetime.fromisoformat(found["since"]) if "since" in found else None
        told = found.get("told", {})
        return LockHolder(str(found.get("role", "")), int(found["pid"]), str(found["host"]), since, dict(told))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return LockHolder()
