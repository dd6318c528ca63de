"""What a door finds when it starts, after any end of the process before.

Of each file in `incoming/` that no manifest lists, the preamble is read. All zero: never promised, deleted. One that
verifies puts the file back into the group of its payload id, which is open again. Anything else goes to `damaged/`.
Checksums are left to `gateway.spool.verification`, while associations are served again.

What a newer program has written, a manifest or a preamble of a later version, is said and left as it is, and so are the
files of such a manifest's payload: that program goes on with them.

Workers go on meanwhile: a manifest moves from `ready/` to `done/` and is deleted, behind its files, at any moment. What
is gone when it is looked at was announced. No file stops the start: one that the disk can't give goes to `damaged/`.
"""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid5

import structlog

from gateway.dicom.part10 import PREAMBLE_BYTES
from gateway.errors import Damaged, FromNewerProgram
from gateway.payloads.payload import PAYLOAD_VERSION, version_of
from gateway.spool.association_files import LONGEST_AHEAD_BYTES
from gateway.spool.damage import UNKNOWN_PAYLOAD, keep_damaged
from gateway.spool.door import Door, manifest_name
from gateway.spool.groups import Group
from gateway.spool.intake import Intake
from gateway.spool.preamble import Preamble, decode_preamble, is_from_newer_program, is_unpromised
from gateway.spool.verification import FoundFile
from gateway.versions import check_file_version

log = structlog.get_logger(__name__)

_LOST_SECTOR = {errno.EIO, errno.ENODATA, errno.EREMOTEIO, errno.EBADMSG, errno.EUCLEAN}
"""What file systems say of a file that they can't read; other errors are of the machine's set-up, and are raised."""


@dataclass(slots=True)
class Recovery:
    """What was found, and the files that are still to be verified."""

    announced: int = 0
    ready: int = 0
    unpromised: int = 0
    damaged: int = 0
    rewritten: set[UUID] = field(default_factory=set)  # their manifests were unreadable
    newer: set[UUID] = field(default_factory=set)  # a newer program has written their manifests
    left_alone: int = 0
    reopened: list[FoundFile] = field(default_factory=list)


def recover(intake: Intake) -> Recovery:
    """Bring the area into the state that a running process would have left it in; quick, reads no data sets."""
    door, found = intake.door, Recovery()
    door.flushing.flush_file_system(door.root)  # never promised, but relied on from now on
    for leftover in (*door.ready.glob(".*.tmp"), *door.root.glob(".probe")):
        leftover.unlink(missing_ok=True)
    found.announced = _empty_done(door)
    listed = set(_listed_files(door, found))
    found.ready = len(door.ready_ids())
    for directory in [path for path in door.incoming.iterdir() if path.is_dir()]:
        _look_through(directory, listed, intake, found)
    log.info(
        "spool recovered",
        deleted_payloads=found.announced,
        ready_payloads=found.ready,
        open_payloads=len({file.group for file in found.reopened}),
        open_instances=len(found.reopened),
        unpromised_files=found.unpromised,
        damaged_files=found.damaged,
        files_of_newer_program=found.left_alone,
    )
    return found


def _look_through(directory: Path, listed: set[str], intake: Intake, found: Recovery) -> None:
    for path in _files_in(directory):
        if path.suffix == ".dcm" and str(path.relative_to(intake.door.root)) not in listed:
            with suppress(FileNotFoundError):  # cleared meanwhile
                _look_at_or_put_aside(path, intake, found)
    with suppress(OSError):  # it holds files, or was cleared meanwhile
        directory.rmdir()


def _files_in(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def _look_at_or_put_aside(path: Path, intake: Intake, found: Recovery) -> None:
    try:
        _look_at(path, intake, found)
    except OSError as error:
        if error.errno not in _LOST_SECTOR:
            raise
        keep_damaged(intake.door, path, UNKNOWN_PAYLOAD, f"it can't be read: {error.strerror}")
        found.damaged += 1


def _look_at(path: Path, intake: Intake, found: Recovery) -> None:
    with path.open("rb") as file:
        raw = file.read(PREAMBLE_BYTES)
        found_file = os.fstat(file.fileno())
    preamble = decode_preamble(raw)
    if preamble is not None and found_file.st_size > preamble.length_bytes:
        _cut_zeros_off(path, preamble.length_bytes)
    if is_unpromised(raw):
        path.unlink()
        found.unpromised += 1
    elif preamble is None and is_from_newer_program(raw):
        log.error("a file of the spool was promised by a newer program, and is left to it", file=path.name)
        found.left_alone += 1
    elif preamble and found.newer & {preamble.payload_id, supplement_of(preamble.payload_id)}:
        found.left_alone += 1
    elif preamble is None:
        keep_damaged(intake.door, path, UNKNOWN_PAYLOAD, "its preamble does not verify")
        found.damaged += 1
    else:
        found.reopened.append(FoundFile(path, preamble, _reopen(intake, found, preamble, found_file.st_mtime_ns)))


def _cut_zeros_off(path: Path, length_bytes: int) -> None:
    """Shorten a promised file that a power cut found before the zeros behind its instance were cut off."""
    with path.open("r+b") as file:
        file.seek(length_bytes)
        if not any(file.read(LONGEST_AHEAD_BYTES)) and not file.read(1):
            file.truncate(length_bytes)


def _reopen(intake: Intake, found: Recovery, preamble: Preamble, modified_ns: int) -> Group:
    """The newest file's age is the first guess of how long the group was quiet; a clock that jumped does no harm.

    After a power cut a file may be as old as its name, which was made ahead: its instance was received later.

    A file whose payload closed without it (its flush failed, and could not be undone) supplements that payload.
    """
    now, now_ns = intake.clock.monotonic(), intake.clock.time_ns()
    opened = now - max(0, now_ns - preamble.received_ns) / 1e9
    active = now - max(0, now_ns - max(modified_ns, preamble.received_ns)) / 1e9
    payload_id = preamble.payload_id
    closed = intake.door.state(payload_id) or intake.last_closed(preamble.key) == payload_id
    if closed and payload_id not in found.rewritten:
        payload_id = supplement_of(payload_id)
    with intake.lock:
        return intake.groups.reopen(payload_id, preamble.key, opened, preamble.received_ns, active)


def supplement_of(payload_id: UUID) -> UUID:
    """The payload of files that were promised for this one, and that it closed without."""
    return uuid5(payload_id, "supplement")


def _empty_done(door: Door) -> int:
    ids = door.done_ids()
    for payload_id in ids:
        try:
            door.remove(door.read(payload_id))
        except FileNotFoundError:
            continue  # cleared meanwhile
        except FromNewerProgram:
            continue  # said below, where all manifests are looked at
        except Damaged as error:
            keep_damaged(door, door.done / f"{payload_id}.json", str(payload_id), str(error))
    return len(ids)


def _listed_files(door: Door, found: Recovery) -> Iterator[str]:
    yield from _listed_in(door.ready, door.ready_ids(), door, found)
    yield from _listed_in(door.done, door.done_ids(), door, found)  # only now: here is what has moved meanwhile


def _listed_in(directory: Path, payload_ids: Iterable[UUID], door: Door, found: Recovery) -> Iterator[str]:
    for payload_id in payload_ids:
        path = directory / f"{payload_id}.json"
        try:
            content = path.read_bytes()
            check_file_version(manifest_name(payload_id), version_of(content), PAYLOAD_VERSION)
            manifest = json.loads(content)
            yield from [instance["file"] for instance in manifest["instances"]]
            yield from [superseded["instance"]["file"] for superseded in manifest["superseded"]]
        except FileNotFoundError:
            continue  # moved on; where it is gone for good, so are its files
        except FromNewerProgram as newer:
            log.error("a payload is left to a newer program", payload=str(payload_id), reason=str(newer))
            found.newer.add(payload_id)
        except (ValueError, KeyError, TypeError):  # its files say enough to write it again, under the same id
            keep_damaged(door, path, str(payload_id), "the manifest can't be read")
            found.rewritten.add(payload_id)
