"""The file with the keys that credentials are encrypted with: one a line, readable by its owner only.

A line that begins with # is a remark; one of them may name the file's version.
"""

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet

from gateway.disk.durable import Durability
from gateway.errors import SettingsError
from gateway.versions import check_file_version

_VERSION = 1
_NAMED_VERSION = re.compile(rb"# version (\d+)$")
_MODE = 0o600
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def read_keys(file: Path) -> list[bytes]:
    """Return the keys. Raises SettingsError, which says what to do and quotes nothing of them, and FromNewerProgram."""
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = opened.read()
    except FileNotFoundError:
        raise SettingsError(
            f"inference.key_file {file}: there is no such file. Every process that shares the database needs the same "
            "one; docs/inference.md says how to make it"
        ) from None
    except OSError as error:
        raise SettingsError(f"inference.key_file {file} can't be read: {error.strerror}") from error
    if mode & ~_MODE:
        raise SettingsError(f"inference.key_file {file} is open to others (mode {mode:04o}): `chmod 600` it")
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    for remark in (line for line in lines if line.startswith(b"#")):
        if named := _NAMED_VERSION.match(remark):
            check_file_version(f"inference.key_file {file}", int(named[1]), _VERSION)
    keys = [line for line in lines if not line.startswith(b"#")]
    if not keys:
        raise SettingsError(f"inference.key_file {file} is empty")
    return keys


def make_key(file: Path) -> None:
    """Make a key unless there is one. Several processes may start together: the first one's key stands."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = file.with_name(f".{file.name}.{uuid4()}")
    try:
        with os.fdopen(os.open(mine, _NEW_FILE, _MODE), "wb") as opened:
            opened.write(b"# version %d\n%b\n" % (_VERSION, Fernet.generate_key()))
            opened.flush()
            Durability.DISK.flush_file(opened.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(mine)
    finally:
        mine.unlink(missing_ok=True)
    Durability.DISK.flush_directory(file.parent)
