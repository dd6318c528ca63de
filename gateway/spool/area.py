"""One area of the spool, as every process may use it: manifests read, moved to `done/`, deleted.

Only the area's owner adds to it; see `gateway.receiving.intake`.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import UUID

from gateway.disk.durable import Durability, Flushing, move, write_whole
from gateway.errors import Damaged
from gateway.payloads.payload import Payload, read_payload
from gateway.spool.instance_reader import open_instance
from gateway.spool.lease import first_taken

PayloadState = Literal["ready", "done"]

INCOMING = "incoming"

_PAYLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class SpoolArea:
    """The area below `root`, e.g. `spool/scp`. Its owner makes `zeros_ahead`: `gateway.receiving.association_files`."""

    root: Path
    flushing: Flushing = Durability.DISK
    zeros_ahead: bool = False

    @property
    def incoming(self) -> Path:
        return self.root / INCOMING

    @property
    def ready(self) -> Path:
        return self.root / "ready"

    @property
    def done(self) -> Path:
        return self.root / "done"

    @property
    def damaged(self) -> Path:
        return self.root / "damaged"

    def open(self, file: str) -> BinaryIO:
        """Open a file to read the bytes that are stored: with its preamble zeroed."""
        return open_instance(self.root / file)

    def advice(self, payload_id: UUID) -> str:
        """What an operator can do about damaged files."""
        return f"`mig spool show {payload_id}` lists all, and nothing was deleted"

    @property
    def _announced(self) -> Path:
        return self.root / "announced"

    @property
    def _to_close(self) -> Path:
        return self.root / "close"

    def upload_mark(self, payload_id: UUID) -> Path:
        """Is there once the upload of a payload has begun: a later run then asks the store what it has."""
        return self.root / "uploading" / str(payload_id)

    def note_uploaded(self, payload_id: UUID, at: datetime) -> None:
        """Say, durably, that all of a payload is stored. The first time stands, until the dispatcher has taken it.

        With it goes when its first run began, if that run has stored it: the lease is gone before the dispatcher looks.
        """
        file = self._uploaded(payload_id)
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            moments = filter(None, (at, first_taken(self.lease_file(payload_id))))
            write_whole(file, "\n".join(moment.isoformat() for moment in moments).encode(), self.flushing)

    def uploaded(self, payload_id: UUID) -> datetime | None:
        """Since when all of it is stored; None where it is not, or the index has taken it over."""
        return self._moments(payload_id)[0]

    def run_began(self, payload_id: UUID) -> datetime | None:
        """When the first run of a payload that is stored began; None where it took more than one."""
        return self._moments(payload_id)[1]

    def forget_uploaded(self, payload_id: UUID) -> None:
        """The index has it."""
        self._uploaded(payload_id).unlink(missing_ok=True)

    def uploaded_ids(self) -> list[UUID]:
        """The payloads of which the index has not taken over when they were stored."""
        return _named_for_payloads(self.root / "uploaded")

    def _moments(self, payload_id: UUID) -> tuple[datetime | None, datetime | None]:
        try:
            lines = self._uploaded(payload_id).read_text("ascii").splitlines()
            stored, began = [*map(datetime.fromisoformat, lines[:2]), None, None][:2]
        except (FileNotFoundError, ValueError):
            return None, None
        return stored, began

    def _uploaded(self, payload_id: UUID) -> Path:
        return self.root / "uploaded" / str(payload_id)

    def lease_file(self, payload_id: UUID) -> Path:
        """Where the fencing token of the payload's last run stands: `gateway.spool.lease`."""
        return self.root / "leases" / str(payload_id)

    def announcement(self, payload_id: UUID) -> Path:
        """What the payload is, or was, announced with, until the dispatcher has taken that into the database."""
        return self._announced / f"{payload_id}.json"

    def keep_announcement(self, payload_id: UUID, content: bytes) -> None:
        """Keep it, durably: the database may be away."""
        file = self.announcement(payload_id)
        file.parent.mkdir(exist_ok=True)
        write_whole(file, content, self.flushing)

    def announcement_ids(self) -> list[UUID]:
        """The payloads of which there is one."""
        return _manifests(self._announced)

    def ask_to_close(self, payload_id: UUID) -> None:
        """Have the owner close a group that is open, durably: it may not be running."""
        self._to_close.mkdir(exist_ok=True)
        write_whole(self._to_close / str(payload_id), b"", self.flushing)

    def asked_to_close(self) -> list[UUID]:
        """The groups that somebody wants closed."""
        return _named_for_payloads(self._to_close)

    def forget_to_close(self, payload_id: UUID) -> None:
        """There is no such group any more."""
        (self._to_close / str(payload_id)).unlink(missing_ok=True)

    def make(self) -> None:
        """Make the area's directories."""
        for directory in (self.incoming, self.ready, self.done, self.damaged, self._announced, self._to_close):
            directory.mkdir(parents=True, exist_ok=True)

    def ready_ids(self) -> list[UUID]:
        """The payloads that are closed and not yet announced, the oldest first."""
        return _manifests(self.ready)

    def done_ids(self) -> list[UUID]:
        """The payloads that are announced and not yet deleted, the oldest first."""
        return _manifests(self.done)

    def state(self, payload_id: UUID) -> PayloadState | None:
        """Where the payload's manifest stands; None where it is no longer, or not yet, on this spool."""
        if self._manifest(self.ready, payload_id).exists():
            return "ready"
        return "done" if self._manifest(self.done, payload_id).exists() else None

    def since(self, payload_id: UUID) -> datetime:
        """Since when the payload's manifest stands where it does; now where it is gone."""
        for directory in (self.ready, self.done):
            with suppress(FileNotFoundError):
                return datetime.fromtimestamp(self._manifest(directory, payload_id).stat().st_mtime, UTC)
        return datetime.now(UTC)

    def read(self, payload_id: UUID) -> Payload:
        """Return the manifest, wherever it stands.

        Raises FileNotFoundError, Damaged where it can't be read, and FromNewerProgram.
        """
        for directory in (self.ready, self.done):
            try:
                return read_payload(self._manifest(directory, payload_id).read_bytes(), manifest_name(payload_id))
            except FileNotFoundError:
                continue
            except ValueError as error:
                raise Damaged(str(error)) from error
        raise FileNotFoundError(f"payload {payload_id} is not on this spool")

    def finish(self, payload_id: UUID) -> None:
        """Say, durably, that the payload is announced: from now on its files may be deleted."""
        move(self._manifest(self.ready, payload_id), self._manifest(self.done, payload_id), self.flushing)

    def remove(self, payload: Payload) -> None:
        """Delete the files of an announced payload, its manifest last. Repeated after a crash to the same effect.

        Harmless where another process does so too.
        """
        if self.state(payload.payload_id) == "ready":
            raise ValueError(f"payload {payload.payload_id} is not announced: its files stay")
        files = [self.root / instance.file for instance in payload.instances]
        files += [self.root / superseded.instance.file for superseded in payload.superseded]
        for file in files:
            file.unlink(missing_ok=True)
        for directory in {file.parent for file in files}:
            _remove_if_empty(directory)
        self.upload_mark(payload.payload_id).unlink(missing_ok=True)
        self.lease_file(payload.payload_id).unlink(missing_ok=True)
        self._manifest(self.done, payload.payload_id).unlink(missing_ok=True)

    @staticmethod
    def _manifest(directory: Path, payload_id: UUID) -> Path:
        return directory / f"{payload_id}.json"


def manifest_name(payload_id: UUID) -> str:
    """How the manifest of a payload is called to people."""
    return f"the manifest of payload {payload_id}"


def scp_area(spool: Path, flushing: Flushing = Durability.DISK, *, zeros_ahead: bool = False) -> SpoolArea:
    """The area that the DICOM receiver owns."""
    return SpoolArea(spool / "scp", flushing, zeros_ahead)


def _manifests(directory: Path) -> list[UUID]:
    """The payloads of which a manifest stands there, the oldest first."""
    if not directory.is_dir():
        return []
    return [UUID(path.stem) for path in sorted(filter(_is_manifest, directory.iterdir()), key=_modified)]


def _named_for_payloads(directory: Path) -> list[UUID]:
    """The payloads of which a file stands there; none where there is no such directory."""
    try:
        return [UUID(path.name) for path in directory.iterdir() if _PAYLOAD_ID.fullmatch(path.name)]
    except FileNotFoundError:
        return []


def _is_manifest(path: Path) -> bool:
    return path.suffix == ".json" and _PAYLOAD_ID.fullmatch(path.stem) is not None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # moved to `done/` meanwhile
        return 0.0


def _remove_if_empty(directory: Path) -> None:
    with suppress(OSError):  # its association is still open, or other payloads have files in it
        directory.rmdir()
