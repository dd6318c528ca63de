"""The contract of an object store, and what passes through it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from gateway.disk.durable import Durability


@dataclass(frozen=True, slots=True)
class Upload:
    """An object to be stored: where it goes, how its bytes are read, and what they must be.

    `metadata` goes with the object under the names that it has here, e.g. FILESOURCE and WORKFLOWS.
    """

    key: str
    open: Callable[[], BinaryIO]
    bytes: int
    crc32c: int
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the store knows it. Listings, and objects that others stored, come without a checksum."""

    key: str
    bytes: int
    crc32c: int | None

    def is_same_as(self, upload: Upload) -> bool:
        """Whether `upload` is stored already, so that a repeated run need not send it again."""
        return (self.key, self.bytes, self.crc32c) == (upload.key, upload.bytes, upload.crc32c)


class ObjectStore(Protocol):
    """One bucket, for any number of threads."""

    @property
    def bucket(self) -> str:
        """The bucket's name, as `md.workflow.request` tells it."""

    def put(self, upload: Upload) -> StoredObject:
        """Store an object in place of what has its key. Raises Damaged if the bytes read are not those announced."""

    def stat(self, key: str) -> StoredObject | None:
        """What is stored under `key`; None if nothing is."""

    def fetch(self, key: str, to: Path, durability: Durability = Durability.DISK) -> StoredObject:
        """Write an object to the file `to`: whole, verified and durable, or not at all. Raises NoSuchObject."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """The objects whose keys begin with `prefix`, sorted by key, as they are read; without checksums."""

    def remove(self, key: str) -> None:
        """Remove an object. One that is not there is no error."""

    def check(self) -> None:
        """Return if the store can be used now; else raise what `put` would raise."""
