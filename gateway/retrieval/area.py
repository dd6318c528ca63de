"""One request's working area: what was fetched for it on this node, kept for the next try.

version       of all that is here; where there is none it is 1
epoch         which holder of the request works here: a later one, on any node, fences this one off
wanted.json   what the queries found
index         what is whole (gateway.retrieval.index)
files/<n>     the files, as they came
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from crc32c import crc32c

from gateway.disk.checksum import checksum_of
from gateway.disk.durable import Durability, write_whole
from gateway.disk.room import LOOK_AGAIN_BYTES, is_full
from gateway.errors import NoRoom, SpoolFailed, TakenOver
from gateway.retrieval.fetch_list import FETCH_LIST, FetchList
from gateway.retrieval.fetched import Fetched, FetchedInstance, FetchedResource
from gateway.retrieval.index import IndexWriter, read_index, write_index
from gateway.versions import check_file_version

_VERSION = 1
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Area:
    """An area that this process holds, as `Areas.open` gives it. Not for several threads."""

    def __init__(self, directory: Path, request_id: UUID, epoch: int, check_room: Callable[[], None]) -> None:
        """Take over what an earlier holder left whole.

        Raises TakenOver where a later one was here, FromNewerProgram where it was that of a newer program.
        """
        self.directory = directory
        self.request_id = request_id
        self._check_room = check_room
        self._instances: dict[str, FetchedInstance] = {}
        self._resources: dict[str, FetchedResource] = {}
        with _our_errors():
            (directory / "files").mkdir(parents=True, exist_ok=True)
            self._check_version()
            self._take_over(epoch)
            whole = [entry for entry in read_index(directory / "index") if self._is_whole(entry)]
            for entry in whole:
                self._remember(entry)
            self._remove_strays({entry.file for entry in whole})
            write_index(directory / "index", whole)
            self._index = IndexWriter(directory / "index")
        self._next_number = 1 + max((int(Path(entry.file).stem) for entry in whole), default=0)

    @property
    def instances(self) -> Mapping[str, FetchedInstance]:
        """The instances that are here, by SOP Instance UID, in the order in which they came."""
        return self._instances

    @property
    def resources(self) -> Mapping[str, FetchedResource]:
        """The FHIR resources that are here, by their path in the payload."""
        return self._resources

    @property
    def fetch_list(self) -> FetchList | None:
        """What the queries found; None before that was kept, and where a power cut took it."""
        try:
            return FETCH_LIST.validate_json((self.directory / "wanted.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def keep_fetch_list(self, listed: FetchList) -> None:
        """Keep what the queries found."""
        with _our_errors():
            write_whole(self.directory / "wanted.json", FETCH_LIST.dump_json(listed), Durability.OS)

    def new_file(self, extension: str) -> "NewFile":
        """Begin a file. Raises NoRoom."""
        name = f"files/{self._next_number:06}.{extension}"
        self._next_number += 1
        self._check_room()
        return NewFile(self.directory, name, self._check_room)

    def add(self, entry: Fetched) -> None:
        """Say that a file is whole. It has been closed."""
        with _our_errors():
            self._index.add(entry)
        self._remember(entry)

    def close(self) -> None:
        self._index.close()

    def _check_version(self) -> None:
        file = self.directory / "version"
        with suppress(FileNotFoundError, ValueError):  # as a power cut may leave it
            check_file_version(f"the working area of request {self.request_id}", int(file.read_bytes()), _VERSION)
        write_whole(file, str(_VERSION).encode(), Durability.OS)

    def _take_over(self, epoch: int) -> None:
        file = self.directory / "epoch"
        last = read_epoch(self.directory)
        if last is not None and last > epoch:
            raise TakenOver(f"request {self.request_id} was taken over by another worker (epoch {last} after {epoch})")
        write_whole(file, str(epoch).encode(), Durability.OS)

    def _is_whole(self, entry: Fetched) -> bool:
        try:
            with (self.directory / entry.file).open("rb") as file:
                return checksum_of(file) == (entry.bytes, entry.crc32c)
        except FileNotFoundError:
            return False

    def _remember(self, entry: Fetched) -> None:
        if isinstance(entry, FetchedInstance):
            self._instances[entry.sop_instance_uid] = entry
        else:
            self._resources[entry.path] = entry

    def _remove_strays(self, whole: set[str]) -> None:
        for file in (self.directory / "files").iterdir():
            if f"files/{file.name}" not in whole:
                file.unlink()


class NewFile:
    """A file that is being fetched. Its length and checksum run along."""

    def __init__(self, directory: Path, name: str, check_room: Callable[[], None]) -> None:
        self.name = name
        self.path = directory / name
        self.bytes = 0
        self.crc32c = 0
        self._check_room = check_room
        self._look_again_bytes = LOOK_AGAIN_BYTES
        with _our_errors():
            self._descriptor = os.open(self.path, _NEW_FILE, 0o640)

    def write(self, data: bytes | memoryview) -> None:
        """Append to it."""
        self.crc32c = crc32c(data, self.crc32c)
        self.bytes += len(data)
        if self.bytes > self._look_again_bytes:
            self._look_again_bytes += LOOK_AGAIN_BYTES
            self._check_room()
        left = memoryview(data)
        with _our_errors():
            while left:
                left = left[os.write(self._descriptor, left) :]

    def close(self) -> None:
        """End it. Harmless when repeated."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with _our_errors():
                os.close(descriptor)

    def discard(self) -> None:
        """Remove it: it is not whole, or not wanted."""
        self.close()
        self.path.unlink(missing_ok=True)


def read_epoch(directory: Path) -> int | None:
    """The epoch of who last worked in an area; None where nobody did, and where a power cut took it."""
    try:
        return int((directory / "epoch").read_bytes())
    except (FileNotFoundError, ValueError):
        return None


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise NoRoom("there is no room left for what is retrieved") from error
        raise SpoolFailed(f"the disk for what is retrieved reported an error: {error.strerror}") from error
