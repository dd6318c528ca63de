"""An instance of the spool as it is stored: its file, with the preamble zeroed."""

import io
from pathlib import Path

from gateway.dicom.part10 import PREAMBLE_BYTES


class InstanceReader(io.RawIOBase):
    """Reads a file of the spool; the spool's own notes in the first 128 bytes read as zeros."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed asks for any buffer
        at = self._file.tell()
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view)
        if at < PREAMBLE_BYTES:
            hidden = min(PREAMBLE_BYTES - at, count)
            view[:hidden] = bytes(hidden)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def open_instance(path: Path) -> io.BufferedReader:
    """Open the file at `path` to be stored or shown."""
    return io.BufferedReader(InstanceReader(path), buffer_size=1024 * 1024)
