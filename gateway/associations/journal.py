"""The files between a receiver, which appends, and the dispatcher of its node, which takes them away.

One record a line, as JSON. A segment is appended to until it is long; then the next is begun. While nobody takes any,
the oldest go: the newest are kept, in as much room as is set here. Whoever names, renames or removes a segment holds
the lock for that moment. Nothing is flushed: what a power cut takes is the account of the last seconds, no image.

Those that are open stand in a file of their own, replaced as a whole: however often they are told of, and whoever is
away, they push no record out. A receiver that is killed leaves it to the next.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from gateway.associations.record import RECORD, AssociationRecord
from gateway.disk.lock_file import locked_for_a_moment
from gateway.log import Logger

SEGMENT_BYTES = 1_000_000
MOST_SEGMENTS = 16
_LOCK_SECONDS = 5.0

# Of this version of the format: a newer program's files are left to it.
_WRITTEN, _TAKEN, _OPEN = "v1-*.jsonl", "taken-v1-*.jsonl", "open-v1.jsonl"

_log = Logger(__name__)


class JournalBusy(OSError):
    """Somebody holds the lock for longer than a moment."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the records before: how many had to go, and whether the next segment takes the place of one."""

    lost: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """Records that were taken: to be removed when they are safe elsewhere."""

    file: Path
    records: Sequence[AssociationRecord]


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal in a directory, which is made with the first record."""

    directory: Path

    def append(self, records: Sequence[AssociationRecord]) -> Appended:
        """Write records. Raises OSError: then none of them is written."""
        self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        lines = _lines(records)
        with self._locked():
            written = self._written()
            lost = 0
            if not written or written[-1].stat().st_size + len(lines) > SEGMENT_BYTES:
                written.append(self.directory / f"v1-{_number(written) + 1:012}.jsonl")
                while len(written) > MOST_SEGMENTS:
                    lost += _remove(written.pop(0))
            _append(written[-1], lines)
        return Appended(lost, len(written) == MOST_SEGMENTS)

    def take(self) -> Segment | None:
        """Return the oldest records, which are taken again until they are removed; None where there are none.

        Raises OSError.
        """
        if not self.directory.is_dir():
            return None
        taken = sorted(self.directory.glob(_TAKEN))
        file = taken[0] if taken else self._next()
        return Segment(file, list(_records(file))) if file else None

    def remove(self, segment: Segment) -> None:
        """Its records are safe elsewhere."""
        segment.file.unlink(missing_ok=True)

    def write_open(self, records: Sequence[AssociationRecord]) -> None:
        """Name those that are open now, in place of those before. Raises OSError: then those before stay."""
        file = self.directory / _OPEN
        if not records:
            file.unlink(missing_ok=True)
            return
        self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        new = file.with_name(f".{_OPEN}")
        new.write_bytes(_lines(records))
        new.replace(file)

    def open_now(self) -> list[AssociationRecord]:
        """Return those that were open when the receiver last said so. Raises OSError.

        Who is in it no longer has an end that was appended before: look here first, then take.
        """
        file = self.directory / _OPEN
        return list(_records(file)) if file.exists() else []

    def _next(self) -> Path | None:
        with self._locked():
            written = self._written()
            if not written:
                return None
            return written[0].rename(self.directory / f"taken-{written[0].name}")

    def _written(self) -> list[Path]:
        return sorted(self.directory.glob(_WRITTEN))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked_for_a_moment(self.directory / "lock", _LOCK_SECONDS) as descriptor:
            if descriptor is None:
                raise JournalBusy(f"{self.directory} is locked by another process")
            yield


def _lines(records: Sequence[AssociationRecord]) -> bytes:
    return b"".join(RECORD.dump_json(record) + b"\n" for record in records)


def _number(written: Sequence[Path]) -> int:
    return int(written[-1].stem.removeprefix("v1-")) if written else 0


def _remove(file: Path) -> int:
    lost = file.read_bytes().count(b"\n")
    file.unlink()
    return lost


def _append(file: Path, lines: bytes) -> None:
    """Append all of it, or nothing: a line that a full disk has cut would spoil the next."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        length = os.fstat(descriptor).st_size
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as appended:
                appended.write(lines)
        except OSError:
            os.ftruncate(descriptor, length)
            raise
    finally:
        os.close(descriptor)


def _records(file: Path) -> Iterator[AssociationRecord]:
    unreadable = 0
    for line in file.read_bytes().splitlines():
        try:
            yield RECORD.validate_json(line)
        except ValidationError:  # cut off by the end of its writer
            unreadable += 1
    if unreadable:
        _log.warning("records of associations can't be read", file=file.name, lines=unreadable)
