"""A file with keys, one a line, readable by its owner only.

A line that begins with # is a remark; one of them may name the file's version. Credentials are encrypted with the keys
of one such file, and what payloads are found by is digested with those of another.
"""

import base64
import binascii
import hashlib
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from gateway.disk.durable import Durability
from gateway.disk.ownership import owners
from gateway.errors import SettingsError
from gateway.versions import check_file_version

_VERSION = 1
_NAMED_VERSION = re.compile(rb"# version (\d+)$")
_MODE = 0o600
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_KEY_BYTES = 32
_FINGERPRINT_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The file that a `setting` names, and the page that says how to make it."""

    setting: str
    file: Path
    page: str

    def __str__(self) -> str:
        return f"{self.setting} {self.file}"

    def read(self) -> list[bytes]:
        """Return the keys. Raises SettingsError, which says what to do and quotes nothing of them; FromNewerProgram."""
        lines = [line.strip() for line in self._content().splitlines() if line.strip()]
        for remark in (line for line in lines if line.startswith(b"#")):
            if named := _NAMED_VERSION.match(remark):
                check_file_version(str(self), int(named[1]), _VERSION)
        keys = [line for line in lines if not line.startswith(b"#")]
        if not keys:
            raise SettingsError(f"{self} is empty")
        return keys

    def make(self) -> None:
        """Make a key unless there is one. Several processes may start together: the first one's key stands."""
        file = self.file
        if file.exists():
            return
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mine = file.with_name(f".{file.name}.{uuid4()}")
        try:
            with os.fdopen(os.open(mine, _NEW_FILE, _MODE), "wb") as opened:
                opened.write(b"# version %d\n%b\n" % (_VERSION, base64.urlsafe_b64encode(os.urandom(_KEY_BYTES))))
                opened.flush()
                Durability.DISK.flush_file(opened.fileno())
            with suppress(FileExistsError):
                file.hardlink_to(mine)
        finally:
            mine.unlink(missing_ok=True)
        Durability.DISK.flush_directory(file.parent)

    def _content(self) -> bytes:
        try:
            with self.file.open("rb") as opened:
                mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
                content = opened.read()
        except FileNotFoundError:
            raise SettingsError(
                f"{self}: there is no such file. Every process that shares the database needs the same one; "
                f"{self.page} says how to make it"
            ) from None
        except PermissionError:
            owner, me = owners(self.file)
            raise SettingsError(f"{self} belongs to {owner}, and this process runs as {me}") from None
        except OSError as error:
            raise SettingsError(f"{self} can't be read: {error.strerror}") from error
        if mode & ~_MODE:
            raise SettingsError(f"{self} is open to others (mode {mode:04o}): `chmod 600` it")
        return content


def fingerprint_of(key: bytes) -> str:
    """By what a key is known where it must not be: 16 hexadecimal digits."""
    return hashlib.sha256(key).hexdigest()[:_FINGERPRINT_CHARACTERS]


def raw_key(key: bytes, name: str) -> bytes:
    """Return the 32 bytes that a line of the file called `name` stands for. Raises SettingsError, quoting nothing."""
    try:
        raw = base64.urlsafe_b64decode(key)
    except binascii.Error:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise SettingsError(f"{name} holds a line that is no key: 44 characters, as Fernet makes them")
    return raw
