"""Which payload closed last for each key, so that a late image's payload can name the one that it supplements.

A hint, appended and never flushed: `kill -9` keeps it, a power cut may lose the last lines.
"""

import struct
from pathlib import Path
from uuid import UUID

_RECORD = struct.Struct("<16s16s")
_MOST_KEYS = 100_000


def read_last_payloads(file: Path) -> dict[bytes, UUID]:
    """Return the last payload of each key, for who only asks; nothing where none has closed. Raises OSError."""
    last: dict[bytes, UUID] = {}
    raw = file.read_bytes() if file.exists() else b""
    for key, payload_id in _RECORD.iter_unpack(raw[: len(raw) // _RECORD.size * _RECORD.size]):
        _remember(last, key, UUID(bytes=payload_id))
    return last


class LastPayloads:
    """The last payload of each key, kept in `file`: the most recent hundred thousand keys."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = read_last_payloads(file)
        if file.exists() and file.stat().st_size != len(self._last) * _RECORD.size:
            self._rewrite()

    def __getitem__(self, key: bytes) -> UUID | None:
        return self._last.get(key)

    def closed(self, key: bytes, payload_id: UUID) -> None:
        """Remember that `payload_id` is the last payload of `key`."""
        _remember(self._last, key, payload_id)
        with self._file.open("ab") as file:
            file.write(_RECORD.pack(key, payload_id.bytes))

    def _rewrite(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_bytes(b"".join(_RECORD.pack(key, last.bytes) for key, last in self._last.items()))
        temporary.rename(self._file)


def _remember(last: dict[bytes, UUID], key: bytes, payload_id: UUID) -> None:
    last.pop(key, None)
    last[key] = payload_id
    while len(last) > _MOST_KEYS:
        del last[next(iter(last))]
