"""One way to read a file's length and CRC-32C."""

from io import BytesIO

import pytest
from crc32c import crc32c

from gateway.disk.checksum import checksum_of

CONTENT = bytes(range(256)) * 8192  # two pieces


@pytest.mark.parametrize("most_bytes", [None, len(CONTENT), len(CONTENT) + 1, 1_500_000, 5, 0])
def test_what_was_read_is_what_was_seen_and_counted(most_bytes: int | None) -> None:
    seen = bytearray()
    found = checksum_of(BytesIO(CONTENT), seen=seen.extend, most_bytes=most_bytes)
    expected = CONTENT if most_bytes is None else CONTENT[:most_bytes]
    assert (found, bytes(seen)) == ((len(expected), crc32c(expected)), expected)


def test_it_goes_on_from_what_stands_before() -> None:
    assert checksum_of(BytesIO(CONTENT[9:]), before=crc32c(CONTENT[:9])) == (len(CONTENT) - 9, crc32c(CONTENT))
