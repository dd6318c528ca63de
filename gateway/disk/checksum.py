"""A file's length and CRC-32C, read once."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from crc32c import crc32c

_READ_BYTES = 1024 * 1024


class Checksum(NamedTuple):
    """Of what was read."""

    bytes: int
    crc32c: int


def checksum_of(
    file: BinaryIO,
    *,
    seen: Callable[[bytes], object] | None = None,
    before: int = 0,
    most_bytes: int | None = None,
) -> Checksum:
    """Read a file from where it stands to its end, or `most_bytes` of it; hand each piece to `seen`.

    `before` is the CRC-32C of what stands before that, which the one that is returned covers as well.
    """
    length, checksum = 0, before
    while piece := file.read(_READ_BYTES if most_bytes is None else min(_READ_BYTES, most_bytes - length)):
        length, checksum = length + len(piece), crc32c(piece, checksum)
        if seen:
            seen(piece)
    return Checksum(length, checksum)
