"""The right to go on with a payload of the spool: a lease like those in the database, kept in a file beside it.

The spool is the truth of received payloads, and they are stored and announced while the database is away.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from gateway.disk.lock_file import locked_for_a_moment
from gateway.errors import AreaBusy, TakenOver

_WAIT_SECONDS = 5.0
_LONGEST_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SpoolLease:
    """A lease, whose token stands in `file` as long as nobody else has taken it.

    No power cut need be survived: nobody who could be fenced off would.
    """

    file: Path
    work_id: UUID
    fencing_token: int

    def check(self) -> None:
        """Raises TakenOver where another run has taken the payload, or it is done with."""
        if _read(self.file) != self.fencing_token:
            raise TakenOver(f"another run has taken payload {self.work_id}, or it is announced")

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Within, nobody else takes the payload. Raises TakenOver, and AreaBusy where somebody just does."""
        with _locked(self.file):
            self.check()
            yield


def take(file: Path, payload_id: UUID) -> SpoolLease:
    """Take the lease that is kept in `file`: whoever had it is fenced off. Raises AreaBusy."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file) as descriptor:
        token = (_read(file) or 0) + 1
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(token).encode(), 0)
    return SpoolLease(file, payload_id, token)


def first_taken(file: Path) -> datetime | None:
    """When the first run took the lease; None where that is not known any more: another has taken it since."""
    if _read(file) != 1:
        return None
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _read(file: Path) -> int | None:
    try:
        text = file.read_bytes()[:_LONGEST_TOKEN_BYTES]
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else 0


@contextmanager
def _locked(file: Path) -> Iterator[int]:
    """Hold the file's lock. It is held for moments only; who waits for longer is told that it is busy."""
    with locked_for_a_moment(file, _WAIT_SECONDS) as descriptor:
        if descriptor is None:
            raise AreaBusy(f"another process of this node is just taking payload {file.name}")
        yield descriptor
