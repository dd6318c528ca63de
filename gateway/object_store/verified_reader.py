"""The bytes of an upload, verified while they are read."""

from types import TracebackType
from typing import Self

from crc32c import crc32c

from gateway.errors import Damaged
from gateway.object_store.port import Upload


class VerifiedReader:
    """Reads an upload, and raises Damaged instead of giving out its last bytes if it is not what was announced.

    So bytes that rotted on the way from the network to here never reach the object store.
    """

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._left_bytes = upload.bytes
        self._crc32c = 0
        try:
            self._file = upload.open()
        except OSError as error:
            raise Damaged(f"{upload.key} can't be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, or what is left; b"" at the end."""
        size = min(size, self._left_bytes)
        content = self._read(size)
        self._left_bytes -= len(content)
        self._crc32c = crc32c(content, self._crc32c)
        if len(content) < size:
            raise Damaged(f"{self._upload.key} ends {self._left_bytes} bytes too soon")
        if self._left_bytes == 0 and self._crc32c != self._upload.crc32c:
            raise Damaged(f"{self._upload.key} is damaged: its checksum is no longer that of what was received")
        return content

    def _read(self, size: int) -> bytes:
        pieces = []
        try:
            while size and (piece := self._file.read(size)):  # what `open` gave may be unbuffered
                pieces.append(piece)
                size -= len(piece)
        except OSError as error:
            raise Damaged(f"{self._upload.key} can't be read: {error.strerror}") from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
