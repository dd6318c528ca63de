"""Where the files of a payload lie until it is announced: on the spool, or in the working area of a retrieval."""

from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID


class PayloadFiles(Protocol):
    """What assemble and upload need of it. Files are called as the payload's record calls them."""

    @property
    def root(self) -> Path:
        """The directory below which the files lie."""

    def open(self, file: str) -> BinaryIO:
        """Open a file to read the bytes that are stored."""

    def upload_mark(self, payload_id: UUID) -> Path:
        """Is there once its upload has begun: a later run then asks the store what it has."""

    def advice(self, payload_id: UUID) -> str:
        """What an operator can do about files that are damaged."""
