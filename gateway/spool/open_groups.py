"""The groups that still receive, as a process beside the receiver sees them: by their files."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from gateway.clock import time_of
from gateway.errors import InvalidDataSet
from gateway.spool.area import SpoolArea
from gateway.spool.listing import files_in_incoming, read_instance
from gateway.spool.preamble import Preamble


@dataclass(slots=True)
class OpenGroup:
    """A payload that is not closed yet. The AE titles are those of its first instance."""

    payload_id: UUID
    called_ae: str
    calling_ae: str
    first: datetime
    last: datetime
    instances: int = 0
    bytes: int = 0
    studies: set[str] = field(default_factory=set)


def open_groups(area: SpoolArea, *, every_study: bool = False) -> list[OpenGroup]:
    """Return them, the newest first.

    Which study it is, is read from the first instance of each association; from all, where it has to be `every_study`,
    as a group of a patient may hold several.
    """
    groups: dict[UUID, OpenGroup] = {}
    looked_into: set[tuple[UUID, Path]] = set()
    for path, preamble in files_in_incoming(area):
        if area.state(preamble.payload_id) is not None:
            continue
        by = (preamble.payload_id, path.parent)
        if every_study or by not in looked_into:
            looked_into.add(by)
            _look_into(area, path, preamble, groups)
        if group := groups.get(preamble.payload_id):
            received = time_of(preamble.received_ns)
            group.first, group.last = min(group.first, received), max(group.last, received)
            group.instances += 1
            group.bytes += preamble.length_bytes
    return sorted(groups.values(), key=lambda group: group.last, reverse=True)


def _look_into(area: SpoolArea, path: Path, preamble: Preamble, groups: dict[UUID, OpenGroup]) -> None:
    try:
        instance = read_instance(area, path, preamble)
    except (FileNotFoundError, InvalidDataSet):  # its association ended meanwhile; or `mig spool list` shows it
        return
    received, origin = time_of(preamble.received_ns), instance.origin
    group = OpenGroup(preamble.payload_id, origin.destination, origin.source, received, received)
    groups.setdefault(preamble.payload_id, group).studies.add(instance.study_instance_uid)
