"""Prove, byte for byte, that the files of reopened groups are what was committed."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crc32c import crc32c

from gateway.config import ApplicationEntitySettings
from gateway.dicom.identity import identify
from gateway.dicom.part10 import PREAMBLE_BYTES, FileMeta, read_head
from gateway.dicom.scanner import HeaderScanner
from gateway.disk.checksum import checksum_of
from gateway.errors import Damaged, InvalidDataSet
from gateway.lookup.digests import Lookups
from gateway.payloads.payload import Instance
from gateway.receiving.damage import keep_damaged
from gateway.receiving.groups import Group
from gateway.receiving.intake import Intake
from gateway.spool.preamble import CRC_OF_ZERO_PREAMBLE, Preamble
from gateway.spool.record import instance_record


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a group that was open; the group has it in flight until it is verified."""

    path: Path
    preamble: Preamble
    group: Group


class VerifiedInstance(NamedTuple):
    """What a file holds, and to which application entity it was sent."""

    instance: Instance
    lookups: Lookups
    entity: ApplicationEntitySettings


def verify(intake: Intake, files: Iterable[FoundFile], stopping: threading.Event) -> None:
    """Read each file and check its CRC; one that fails goes to `damaged/`. For a thread of its own."""
    for found in files:
        if stopping.is_set():
            return
        try:
            verified = read_instance(intake, found.path, found.preamble)
        except FileNotFoundError:  # somebody took it away: there is nothing to put aside
            intake.drop(found.group, promised=True)
        except (Damaged, InvalidDataSet, OSError) as error:
            keep_damaged(intake.area, found.path, str(found.group.payload_id), str(error))
            intake.drop(found.group, promised=True)
        else:
            intake.recovered(found.group, *verified)


def read_instance(intake: Intake, path: Path, preamble: Preamble) -> VerifiedInstance:
    """Return what the file at `path` holds. Raises Damaged where it does not verify."""
    if path.stat().st_size != preamble.length_bytes:
        raise Damaged("its length is not the one that was promised")
    meta, scanner, checksum = _read(path)
    if checksum != preamble.crc32c:
        raise Damaged("its checksum is not the one that was promised")
    entity = intake.entities.get(meta.called_ae) or ApplicationEntitySettings(ae_title=meta.called_ae)
    identity = identify(scanner.values, entity.grouping)
    record = instance_record(path, preamble, meta, identity)
    return VerifiedInstance(record, intake.lookups(scanner.values), entity)


def _read(path: Path) -> tuple[FileMeta, HeaderScanner, int]:
    with path.open("rb") as file:
        meta = read_head(file)
        head_bytes = file.tell() - PREAMBLE_BYTES
        file.seek(PREAMBLE_BYTES)
        checksum = crc32c(file.read(head_bytes), CRC_OF_ZERO_PREAMBLE)
        scanner = HeaderScanner(meta.transfer_syntax_uid)
        checksum = checksum_of(file, seen=scanner.feed, before=checksum).crc32c
    return meta, scanner, checksum
