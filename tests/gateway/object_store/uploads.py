"""Objects to be stored."""

import io
from collections.abc import Mapping
from pathlib import Path

from crc32c import crc32c

from gateway.object_store import Upload


def upload(
    key: str = "payload/dcm/1.2/3.4/5.6.dcm", content: bytes = b"a slice", metadata: Mapping[str, str] | None = None
) -> Upload:
    """An object whose bytes lie in memory."""
    return Upload(
        key, lambda: io.BytesIO(content), len(content), crc32c(content), "application/dicom", dict(metadata or {})
    )


def upload_of(file: Path, key: str = "payload/dcm/1.2/3.4/5.6.dcm") -> Upload:
    """A file as it is now: what is changed in it later is damage."""
    content = file.read_bytes()
    return Upload(key, lambda: file.open("rb"), len(content), crc32c(content), "application/dicom")


def zeros(size: int) -> Upload:
    """An object of any size that takes no memory before it is read."""
    crc = 0
    for start in range(0, size, len(_ZEROS)):
        crc = crc32c(_ZEROS[: size - start], crc)
    return Upload("zeros", lambda: Path("/dev/zero").open("rb"), size, crc, "application/octet-stream")


_ZEROS = bytes(1_000_000)
