"""A file that is fetched from an object store: whole, verified and durable under its name, or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from crc32c import crc32c

from gateway.disk.durable import Durability
from gateway.disk.room import is_full
from gateway.errors import GatewayError, NoRoom
from gateway.object_store.port import StoredObject

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class VerifiedWriter:
    """Writes what arrives of an object. `verify` raises `mismatch` unless that was all of it, unchanged."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = 0
        self._crc32c = 0

    def write(self, content: bytes) -> None:
        self._file.write(content)
        self._bytes += len(content)
        self._crc32c = crc32c(content, self._crc32c)

    def verify(self, expected: StoredObject, mismatch: type[GatewayError]) -> StoredObject:
        """Return what was written, its checksum included."""
        if self._bytes != expected.bytes:
            raise mismatch(f"{expected.key} has {expected.bytes} bytes, but {self._bytes} were read")
        if expected.crc32c not in (None, self._crc32c):
            raise mismatch(f"{expected.key}: the checksum of what was read is not that of what was stored")
        return StoredObject(expected.key, self._bytes, self._crc32c)


@contextmanager
def fetched_file(to: Path, durability: Durability = Durability.DISK) -> Iterator[VerifiedWriter]:
    """What is written in the block becomes the file `to` when it ends, as durably as told; nothing does if it fails."""
    temporary = to.with_name(f".{to.name}.{uuid4().hex}")
    try:
        with os.fdopen(os.open(temporary, _NEW_FILE, 0o640), "wb") as file:
            yield VerifiedWriter(file)
            file.flush()
            durability.flush_file(file.fileno())
        temporary.rename(to)
        durability.flush_directory(to.parent)
    except OSError as error:
        if is_full(error):
            raise NoRoom(f"{to.parent} has no room for what is fetched from the object store") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
