"""Destinations that are a directory: each file lies below it as its object key says, whole and durable."""

import errno
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.config import DirectoryDestination
from gateway.destinations.port import OutgoingFile
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.disk.durable_tree import DurableTree
from gateway.errors import PeerRefused, PeerUnavailable, StoreRefused
from gateway.object_store.key import checked

_WRITING = ".writing"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM}
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DirectoryAdapter:
    """A directory that is there already: a mount that is missing must not be filled in its place.

    A file that is there is replaced; the same one again is no change.
    """

    settings: DirectoryDestination
    _our_ae_title: str = ""

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def retry_for_seconds(self) -> float:
        return self.settings.retry_for_seconds

    @property
    def address(self) -> str:
        return self.settings.address

    def deliver(
        self, files: Sequence[OutgoingFile], stopping: threading.Event, *, together: bool = True
    ) -> Iterator[tuple[OutgoingFile, StoreOutcome]]:
        """One after the other, each under a temporary name, flushed, and renamed."""
        self._make_sure_of_it()
        tree = DurableTree(self.settings.path, self.settings.path / _WRITING)
        for file in files:
            if stopping.is_set():
                return
            yield file, self._write(tree, file)

    def probe(self) -> None:
        """Write a file and remove it."""
        self._make_sure_of_it()
        try:
            with DurableTree(self.settings.path, self.settings.path / _WRITING).written(
                lambda file: file.write(b"probe")
            ):
                return
        except OSError as error:
            raise self._in_words(error) from error

    def _make_sure_of_it(self) -> None:
        if not self.settings.path.is_dir():
            raise PeerUnavailable(f"{self.name}: there is no directory {self.settings.path}: is it mounted?")

    def _write(self, tree: DurableTree, file: OutgoingFile) -> StoreOutcome:
        target = self._target(file.key)
        if target is None:
            return StoreOutcome(Outcome.FINAL, "its path would lie outside the directory")
        try:
            source = file.path.open("rb")
        except OSError as error:
            return StoreOutcome(Outcome.FINAL, f"it can't be read: {error.strerror}")
        try:
            with source, tree.written(lambda to: shutil.copyfileobj(source, to, _COPY_BYTES)) as written:
                tree.name(written, target)
        except OSError as error:
            if error.errno in _NO_ROOM:
                return StoreOutcome(Outcome.TRANSIENT, "there is no room left")
            if error.errno in {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}:
                return StoreOutcome(Outcome.FINAL, f"it can't be given its name: {error.strerror}")
            raise self._in_words(error) from error
        return StoreOutcome(Outcome.STORED)

    def _target(self, key: str) -> Path | None:
        """Where a file goes; None where that is not below the directory, be it by a link in it."""
        try:
            target = self.settings.path / checked(key)
        except StoreRefused:
            return None
        root = self.settings.path.resolve()
        is_ours = target.relative_to(self.settings.path).parts[0] == _WRITING
        return target if target.parent.resolve().is_relative_to(root) and not is_ours else None

    def _in_words(self, error: OSError) -> PeerRefused | PeerUnavailable:
        text = f"{self.name}: {self.settings.path} can't be written: {error.strerror}"
        return PeerRefused(text) if error.errno in _NOT_ALLOWED else PeerUnavailable(text)
