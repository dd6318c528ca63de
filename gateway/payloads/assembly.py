"""A payload made ready to be stored: every file verified before the first of them leaves."""

from collections.abc import Callable

from gateway.disk.checksum import checksum_of
from gateway.errors import Damaged
from gateway.payloads.files import PayloadFiles
from gateway.payloads.payload import Instance, Payload, Resource

Progress = Callable[[int], None]
"""Called with the number of bytes that were dealt with since the last call."""


def assemble(files: PayloadFiles, payload: Payload, progress: Progress) -> None:
    """Read every file once and compare it with the payload's record. Raises Damaged, which names how many fail."""
    damaged = [each.file for each in payload.files if not _is_whole(files, each, progress)]
    if damaged:
        raise Damaged(
            f"{len(damaged)} of {len(payload.files)} files are not what was received, the first is {damaged[0]}; "
            f"{files.advice(payload.payload_id)}"
        )


def _is_whole(files: PayloadFiles, each: Instance | Resource, progress: Progress) -> bool:
    try:
        with files.open(each.file) as file:
            return checksum_of(file, seen=lambda piece: progress(len(piece))) == (each.bytes, each.crc32c)
    except FileNotFoundError:
        return False
