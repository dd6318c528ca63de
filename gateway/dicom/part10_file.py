"""A Part 10 file that is to be sent: what it is, and where its data set lies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway.dicom.part10 import read_head
from gateway.dicom.uid import decode_uid
from gateway.errors import Damaged, InvalidDataSet


@dataclass(frozen=True, slots=True)
class Part10File:
    """A file on disk, known by its own meta group. Its data set is what follows `data_set_offset`."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    bytes: int

    @classmethod
    def at(cls, path: Path) -> Self:
        """Read the head of the file at `path`. Raises InvalidDataSet where it can't be sent, OSError as `open` does."""
        with path.open("rb") as file:
            meta = read_head(file)
            offset, size = file.tell(), file.seek(0, 2)
        if offset == size:
            raise InvalidDataSet("there is no data set behind the file meta information")
        return cls(
            path,
            decode_uid(meta.sop_class_uid.encode(), "MediaStorageSOPClassUID"),
            decode_uid(meta.sop_instance_uid.encode(), "MediaStorageSOPInstanceUID"),
            decode_uid(meta.transfer_syntax_uid.encode(), "TransferSyntaxUID"),
            offset,
            size,
        )

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor to read the file by. Trouble with that (OSError, EOFError), or another length: Damaged."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if os.fstat(descriptor).st_size != self.bytes:
                    raise EOFError("it is not as long as it was")
                yield descriptor
            finally:
                os.close(descriptor)
        except (OSError, EOFError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise Damaged(f"the file of instance {self.sop_instance_uid} can't be read: {why}") from error

    @property
    def data_set_bytes(self) -> int:
        """How long the data set is."""
        return self.bytes - self.data_set_offset
