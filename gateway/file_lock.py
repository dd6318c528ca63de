"""Locks on files, which the kernel gives back however their holder ends (flock(2))."""

import fcntl
import os
import time
from pathlib import Path

_TRIES, _TRY_AGAIN_SECONDS = 5, 0.05


def open_lock(file: Path) -> int:
    """Open a lock file, made where it is missing; return its descriptor, whose closing gives the lock back."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)


def take_lock(descriptor: int) -> bool:
    """Lock for oneself alone; False where another process has it."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TRY_AGAIN_SECONDS)  # `is_locked` looks by holding it for a moment
        else:
            return True
    return False


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
