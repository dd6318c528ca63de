"""An object store in a local directory: the embedded default.

    <root>/<bucket>/<key>                   the objects, plain files: any tool reads them
    <root>/.<bucket>/about/<key>.json       of each its size, checksum, content type and metadata
    <root>/.<bucket>/writing/               what is being written

What is said about an object lies outside the keys, in a plain file too: a copy of the directory is a whole store.
"""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gateway.disk.durable import Durability
from gateway.disk.durable_tree import DurableTree
from gateway.errors import Damaged, NoSuchObject, StoreNotSetUp, StoreUnavailable
from gateway.object_store.fetched_file import fetched_file
from gateway.object_store.key import begins_keys, checked
from gateway.object_store.port import StoredObject, Upload
from gateway.object_store.verified_reader import VerifiedReader

_PIECE_BYTES = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NEEDS_SOMEBODY = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)


class LocalObjectStore:
    """A bucket in the directory `root`."""

    def __init__(self, root: Path, bucket: str) -> None:
        self._bucket = bucket
        self._objects = root / bucket
        self._about = root / f".{bucket}" / "about"
        self._tree = DurableTree(root, root / f".{bucket}" / "writing")

    @property
    def bucket(self) -> str:
        return self._bucket

    def put(self, upload: Upload) -> StoredObject:
        target, about = self._paths(upload.key)
        with self._our_errors(), self._tree.written(lambda file: _copy(upload, file)) as written:
            self._tree.remove(about)  # what it says of the object that is replaced must not stand beside the new one
            self._tree.name(written, target)
            with self._tree.written(lambda file: file.write(_about(upload))) as written_about:
                self._tree.name(written_about, about)
        return StoredObject(upload.key, upload.bytes, upload.crc32c)

    def stat(self, key: str) -> StoredObject | None:
        target, about = self._paths(key)
        with self._our_errors():
            try:
                found = target.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return _stored(key, found.st_size, about) if stat.S_ISREG(found.st_mode) else None

    def fetch(self, key: str, to: Path, durability: Durability = Durability.DISK) -> StoredObject:
        expected = self.stat(key)
        if expected is None:
            raise NoSuchObject(f"{self._name} has no object {key}")
        with fetched_file(to, durability) as writer:
            for piece in self._pieces(key):
                writer.write(piece)
            return writer.verify(expected, Damaged)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        directory, slash, _ = prefix.rpartition("/")
        if begins_keys(prefix):
            for found in self._walk(directory + slash):
                if found.key.startswith(prefix):
                    yield found

    def remove(self, key: str) -> None:
        target, about = self._paths(key)
        if self.stat(key) is None:
            return
        with self._our_errors():
            for file, top in ((target, self._objects), (about, self._about)):
                self._tree.remove(file)
                self._tree.remove_emptied(file.parent, top)

    def check(self) -> None:
        with self._our_errors():
            if not (self._objects.exists() or self._about.parent.exists()):
                _check_writable(self._objects)  # nothing was stored yet, and a look makes nothing
                return
            self._tree.make(self._objects)
            with self._tree.written(lambda file: file.write(b"probe")):
                pass

    @property
    def _name(self) -> str:
        return f"the object store {self._objects}"

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self._objects / checked(key), self._about / f"{key}.json"

    def _pieces(self, key: str) -> Iterator[bytes]:
        with self._our_errors(), (self._objects / key).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def _walk(self, below: str) -> Iterator[StoredObject]:
        with self._our_errors():
            try:
                entries = sorted(os.scandir(self._objects / below), key=_listing_order)
            except (FileNotFoundError, NotADirectoryError):
                return
        for entry in entries:
            if entry.is_dir():
                yield from self._walk(f"{below}{entry.name}/")
            else:
                with suppress(FileNotFoundError):  # removed meanwhile
                    yield StoredObject(f"{below}{entry.name}", entry.stat().st_size, None)

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise StoreUnavailable(f"{self._name} has no room left") from error
            if error.errno in _NEEDS_SOMEBODY:
                raise StoreNotSetUp(f"{self._name} can't be used: {error.strerror}") from error
            raise StoreUnavailable(f"{self._name} can't be used just now: {error.strerror}") from error


def _check_writable(directory: Path) -> None:
    """Raise PermissionError where the directory could not be made."""
    there = next(path for path in directory.parents if path.exists())
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _copy(upload: Upload, file: BinaryIO) -> None:
    with VerifiedReader(upload) as reader:
        while piece := reader.read(_PIECE_BYTES):
            file.write(piece)


def _about(upload: Upload) -> bytes:
    content = {
        "bytes": upload.bytes,
        "crc32c": f"{upload.crc32c:08x}",
        "content_type": upload.content_type,
        "metadata": dict(upload.metadata),
    }
    return json.dumps(content, indent=1).encode()


def _stored(key: str, size: int, about: Path) -> StoredObject:
    """What is known of an object; its checksum only where what is said about it can be of this file."""
    try:
        content = json.loads(about.read_bytes())
        if content["bytes"] == size:
            return StoredObject(key, size, int(content["crc32c"], 16))
    except (FileNotFoundError, ValueError, KeyError):
        pass
    return StoredObject(key, size, None)


def _listing_order(entry: "os.DirEntry[str]") -> bytes:
    """As S3 sorts: by the bytes of the whole key, so that `a.dcm` comes before `a/b.dcm`, and `a-b.dcm` before both."""
    return f"{entry.name}/".encode() if entry.is_dir() else entry.name.encode()
