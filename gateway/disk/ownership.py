"""Whose a file is, for who may not use it."""

import os
import pwd
from pathlib import Path


def owners(path: Path) -> tuple[str, str]:
    """Return the names of the account that `path` belongs to, and of the one that this process runs as."""
    try:
        owner = path.stat().st_uid
    except PermissionError:  # its directory is closed to us
        owner = path.parent.stat().st_uid
    return _name(owner), _name(os.geteuid())


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"
