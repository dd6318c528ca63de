"""What the owner of a spool area finds when it starts, after any end of the process before.

Of each file in `incoming/` that no manifest lists, the preamble is read. All zero: never committed, deleted. One that
verifies puts the file back into the group of its payload id, which is open again. Anything else goes to `damaged/`.
Checksums are left to `gateway.receiving.verification`, while associations are served again.

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

from gateway.dicom.part10 import PREAMBLE_BYTES
from gateway.errors import Damaged, FromNewerProgram
from gateway.log import Logger
from gateway.payloads.payload import PAYLOAD_VERSION, version_of
from gateway.receiving.association_files import LONGEST_AHEAD_BYTES
from gateway.receiving.damage import UNKNOWN_PAYLOAD, keep_damaged
from gateway.receiving.groups import Group
from gateway.receiving.intake import Intake
from gateway.receiving.verification import FoundFile
from gateway.spool.area import SpoolArea, manifest_name
from gateway.spool.preamble import Preamble, decode_preamble, is_from_newer_program, is_uncommitted
from gateway.versions import check_file_version

log = Logger(__name__)

_LOST_SECTOR = {errno.EIO, errno.ENODATA, errno.EREMOTEIO, errno.EBADMSG, errno.EUCLEAN}
"""What file systems say of a file that they can't read; other errors are of the machine's set-up, and are raised."""


@dataclass(slots=True)
class Recovery:
    """What was found, and the files that are still to be verified."""

    announced: int = 0
    ready: int = 0
    uncommitted: int = 0
    damaged: int = 0
    rewritten: set[UUID] = field(default_factory=set)  # their manifests were unreadable
    newer: set[UUID] = field(default_factory=set)  # a newer program has written their manifests
    left_alone: int = 0
    reopened: list[FoundFile] = field(default_factory=list)


def recover(intake: Intake) -> Recovery:
    """Bring the area into the state that a running process would have left it in; quick, reads no data sets."""
    area, found = intake.area, Recovery()
    area.flushing.flush_file_system(area.root)  # never committed, but relied on from now on
    for leftover in (*area.ready.glob(".*.tmp"), *area.root.glob(".probe")):
        leftover.unlink(missing_ok=True)
    found.announced = _empty_done(area)
    listed = set(_listed_files(area, found))
    found.ready = len(area.ready_ids())
    for directory in [path for path in area.incoming.iterdir() if path.is_dir()]:
        _look_through(directory, listed, intake, found)
    log.info(
        "spool recovered",
        deleted_payloads=found.announced,
        ready_payloads=found.ready,
        open_payloads=len({file.group for file in found.reopened}),
        open_instances=len(found.reopened),
        unpromised_files=found.uncommitted,  # as sites know it
        damaged_files=found.damaged,
        files_of_newer_program=found.left_alone,
    )
    return found


def _look_through(directory: Path, listed: set[str], intake: Intake, found: Recovery) -> None:
    for path in _files_in(directory):
        if path.suffix == ".dcm" and str(path.relative_to(intake.area.root)) not in listed:
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
        keep_damaged(intake.area, path, UNKNOWN_PAYLOAD, f"it can't be read: {error.strerror}")
        found.damaged += 1


def _look_at(path: Path, intake: Intake, found: Recovery) -> None:
    with path.open("rb") as file:
        raw = file.read(PREAMBLE_BYTES)
        found_file = os.fstat(file.fileno())
    preamble = decode_preamble(raw)
    if preamble is not None and found_file.st_size > preamble.length_bytes:
        _cut_zeros_off(path, preamble.length_bytes)
    if is_uncommitted(raw):
        path.unlink()
        found.uncommitted += 1
    elif preamble is None and is_from_newer_program(raw):
        log.error("a file of the spool was promised by a newer program, and is left to it", file=path.name)
        found.left_alone += 1
    elif preamble and found.newer & {preamble.payload_id, supplement_of(preamble.payload_id)}:
        found.left_alone += 1
    elif preamble is None:
        keep_damaged(intake.area, path, UNKNOWN_PAYLOAD, "its preamble does not verify")
        found.damaged += 1
    else:
        found.reopened.append(FoundFile(path, preamble, _reopen(intake, found, preamble, found_file.st_mtime_ns)))


def _cut_zeros_off(path: Path, length_bytes: int) -> None:
    """Shorten a committed file that a power cut found before the zeros behind its instance were cut off."""
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
    closed = intake.area.state(payload_id) or intake.last_closed(preamble.key) == payload_id
    if closed and payload_id not in found.rewritten:
        payload_id = supplement_of(payload_id)
    return intake.reopen(payload_id, preamble.key, opened, preamble.received_ns, active)


def supplement_of(payload_id: UUID) -> UUID:
    """The payload of files that were committed for this one, and that it closed without."""
    return uuid5(payload_id, "supplement")


def _empty_done(area: SpoolArea) -> int:
    ids = area.done_ids()
    for payload_id in ids:
        try:
            area.remove(area.read(payload_id))
        except FileNotFoundError:
            continue  # cleared meanwhile
        except FromNewerProgram:
            continue  # said below, where all manifests are looked at
        except Damaged as error:
            keep_damaged(area, area.done / f"{payload_id}.json", str(payload_id), str(error))
    return len(ids)


def _listed_files(area: SpoolArea, found: Recovery) -> Iterator[str]:
    yield from _listed_in(area.ready, area.ready_ids(), area, found)
    yield from _listed_in(area.done, area.done_ids(), area, found)  # only now: here is what has moved meanwhile


def _listed_in(directory: Path, payload_ids: Iterable[UUID], area: SpoolArea, found: Recovery) -> Iterator[str]:
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
            keep_damaged(area, path, str(payload_id), "the manifest can't be read")
            found.rewritten.add(payload_id)
