"""The groups that still receive, as a process beside the receiver sees them: by their files."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from gateway.clock import time_of
from gateway.errors import InvalidDataSet
from gateway.lookup.digests import Lookup, LookupKey
from gateway.spool.area import SpoolArea
from gateway.spool.listing import files_in_incoming, read_header
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
    lookups: set[Lookup] = field(default_factory=set)


def open_groups(area: SpoolArea, *, every_study: bool = False, lookup_key: LookupKey | None = None) -> list[OpenGroup]:
    """Return them, the newest first; with a `lookup_key` also what they are found by.

    Which study it is, is read from the first instance of each association; from all, where it has to be `every_study`,
    as a group of a patient may hold several, or where there is a key.
    """
    groups: dict[UUID, OpenGroup] = {}
    looked_into: set[tuple[UUID, Path]] = set()
    for path, preamble in files_in_incoming(area):
        if area.state(preamble.payload_id) is not None:
            continue
        by = (preamble.payload_id, path.parent)
        if every_study or lookup_key or by not in looked_into:
            looked_into.add(by)
            _look_into(area, path, preamble, lookup_key, groups)
        if group := groups.get(preamble.payload_id):
            received = time_of(preamble.received_ns)
            group.first, group.last = min(group.first, received), max(group.last, received)
            group.instances += 1
            group.bytes += preamble.length_bytes
    return sorted(groups.values(), key=lambda group: group.last, reverse=True)


def _look_into(
    area: SpoolArea, path: Path, preamble: Preamble, lookup_key: LookupKey | None, groups: dict[UUID, OpenGroup]
) -> None:
    try:
        instance, values = read_header(area, path, preamble)
    except (FileNotFoundError, InvalidDataSet):  # its association ended meanwhile; or `mig spool list` shows it
        return
    received, origin = time_of(preamble.received_ns), instance.origin
    group = OpenGroup(preamble.payload_id, origin.destination, origin.source, received, received)
    group = groups.setdefault(preamble.payload_id, group)
    group.studies.add(instance.study_instance_uid)
    if lookup_key:
        group.lookups |= lookup_key.lookups(values)
