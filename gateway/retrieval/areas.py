"""The working areas of this node."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from gateway.config import Settings
from gateway.disk.lock_file import is_locked, locked
from gateway.disk.room import Room
from gateway.errors import AreaBusy
from gateway.retrieval.area import Area, read_epoch


def areas_of(settings: Settings) -> "Areas":
    """The areas of this node."""
    root = settings.paths.retrieval
    root.mkdir(parents=True, exist_ok=True)
    return Areas(root, Room(root, settings.spool.reserve_bytes), settings.inference.at_once)


@dataclass(frozen=True, slots=True)
class AreaState:
    """An area, and whether a process of this node works in it."""

    request_id: UUID
    epoch: int | None
    in_use: bool


@dataclass(frozen=True, slots=True)
class AreaFiles:
    """The area at `root`. Nothing in it is made durable: what a power cut takes is fetched again."""

    root: Path

    def open(self, file: str) -> BinaryIO:
        """Open a file to read it as it came."""
        return (self.root / file).open("rb")

    def upload_mark(self, payload_id: UUID) -> Path:
        return self.root / "uploading"

    def advice(self, payload_id: UUID) -> str:
        """What an operator can do about damaged files."""
        return "a retry of the run fetches them again"


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas below `root`. `room` is that of its disk; `at_once` so many processes write to it."""

    root: Path
    room: Room
    at_once: int = 1

    @contextmanager
    def open(self, request_id: UUID, epoch: int) -> Iterator[Area]:
        """Hold the area of a request, which is made where it is missing. Raises AreaBusy, TakenOver."""
        with self._locked(request_id):
            area = Area(self._directory(request_id), request_id, epoch, self._check_room)
            try:
                yield area
            finally:
                area.close()

    def files_of(self, request_id: UUID) -> AreaFiles:
        """The area as what assemble and upload read from."""
        return AreaFiles(self._directory(request_id))

    def states(self) -> Iterator[AreaState]:
        """What areas there are."""
        directory = self.root / "areas"
        for found in sorted(directory.iterdir()) if directory.is_dir() else ():
            with suppress(ValueError):  # somebody else's directory
                request_id = UUID(found.name)
                yield AreaState(request_id, read_epoch(found), is_locked(self._lock_file(request_id)))

    def remove(self, request_id: UUID, is_wanted: Callable[[UUID, int | None], bool]) -> bool:
        """Remove an area that nobody works on, and tell whether it is gone.

        `is_wanted` is asked with the area's epoch once the area is locked: what was true before may have changed. It
        says no where the request is done with, or a later epoch is at work elsewhere.
        """
        try:
            with self._locked(request_id):
                directory = self._directory(request_id)
                if is_wanted(request_id, read_epoch(directory)):
                    return False
                # The index first: what is removed in part must not look whole.
                (directory / "index").unlink(missing_ok=True)
                if directory.exists():
                    shutil.rmtree(directory)
                self._lock_file(request_id).unlink()  # while it is held: who waits for it looks for its name again
                return True
        except AreaBusy:
            return False

    def _check_room(self) -> None:
        self.room.check(0, writers=self.at_once)

    def _directory(self, request_id: UUID) -> Path:
        return self.root / "areas" / str(request_id)

    def _locked(self, request_id: UUID) -> AbstractContextManager[None]:
        return locked(
            self._lock_file(request_id),
            "retrieve",
            lambda holder: AreaBusy(f"{holder} works on request {request_id} on this node"),
        )

    def _lock_file(self, request_id: UUID) -> Path:
        return self.root / "locks" / f"{request_id}.lock"
