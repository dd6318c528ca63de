"""Into which payloads files would come, and how each would be announced.

The receiver's own table of groups is asked, with a clock that stands still while the files come, and has run out after.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from gateway.config import ApplicationEntitySettings, Settings
from gateway.dicom.identity import Identity
from gateway.lookup.digests import NONE
from gateway.operations.foreseeing.event import foreseen_event
from gateway.operations.foreseeing.foreseen import (
    ASSOCIATION_ID,
    OPENED,
    PAYLOAD_ID,
    ForeseenClosing,
    ForeseenEvent,
    ForeseenPayload,
)
from gateway.operations.foreseeing.instances import StoredFile
from gateway.payloads.payload import ClosedBy, Payload, object_prefix
from gateway.payloads.workflow_request import workflow_request
from gateway.receiving.groups import Group, GroupTable, Sender
from gateway.receiving.last_payloads import read_last_payloads
from gateway.receiving.manifest import Closing, make_payload
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.listing import committed_files

_NOBODY = UUID(int=0)
_GROUPINGS = {"0020,000D": "Study Instance UID", "0020,000E": "Series Instance UID", "0010,0020": "Patient ID"}


@dataclass(frozen=True, slots=True)
class _Past:
    """What the spool knows of groups, by their keys."""

    is_known: bool = False
    open: Mapping[bytes, UUID] = field(default_factory=dict)
    closed: Mapping[bytes, UUID] = field(default_factory=dict)


@dataclass(slots=True)
class _Formed:
    """A group that the files have formed."""

    number: int
    group: Group
    identity: Identity  # of its first instance
    before: int | None  # the number of the last of the same key
    files: list[StoredFile] = field(default_factory=list)


def foreseen_payloads(
    settings: Settings, entity: ApplicationEntitySettings, files: Sequence[StoredFile]
) -> list[ForeseenPayload]:
    """Return the payloads that files would come into, in the order of their first instances."""
    past = _past(scp_area(settings.paths.spool)) if files else _Past()
    return [_foreseen(settings, entity, formed, closed_by, past) for formed, closed_by in _formed(entity, files)]


def _formed(entity: ApplicationEntitySettings, files: Sequence[StoredFile]) -> list[tuple[_Formed, ClosedBy]]:
    table, sender = GroupTable(), Sender(0.0)
    formed: dict[Group, _Formed] = {}
    last: dict[bytes, int] = {}
    for number, file in enumerate(files):
        identity, key = file.place
        group = table.join(key, entity, sender, 0.0, 0)
        if group not in formed:
            formed[group] = _Formed(len(formed) + 1, group, identity, last.get(key))
            last[key] = len(formed)
        table.filed(table.promise(group, sender), file.instance(number), NONE, 0.0)
        formed[group].files.append(file)
    table.ended(sender)
    closed = dict(table.take_due(math.inf, 0))
    return [(each, closed[group]) for group, each in formed.items()]


def _foreseen(
    settings: Settings, entity: ApplicationEntitySettings, formed: _Formed, closed_by: ClosedBy, past: _Past
) -> ForeseenPayload:
    payload = make_payload(formed.group, Closing(closed_by, 0, None), _NOBODY, None)
    prefix = object_prefix(PAYLOAD_ID)
    paths = [path for each in payload.instances for path in (each.path, each.metadata_path)]
    key, is_first = formed.group.key, formed.before is None
    return ForeseenPayload(
        number=formed.number,
        group=_in_words(entity, formed.identity, payload),
        files=[each.part10.path for each in formed.files],
        instances=len(payload.instances),
        superseded=len(payload.superseded),
        bytes=payload.bytes,
        closing=_closing(entity, closed_by),
        joins=past.open.get(key) if is_first else None,
        supplements=past.closed.get(key) if is_first else None,
        supplements_number=formed.before,
        is_past_known=past.is_known,
        bucket=settings.object_store.bucket,
        prefix=prefix,
        objects=[prefix + path for path in paths],
        event=_event(settings, payload),
    )


def _closing(entity: ApplicationEntitySettings, closed_by: ClosedBy) -> ForeseenClosing:
    limits = (entity.max_open_seconds, entity.max_instances, entity.max_bytes)
    return ForeseenClosing(closed_by, entity.timeout_seconds, entity.hold_seconds, *limits)


def _event(settings: Settings, payload: Payload) -> ForeseenEvent:
    message = workflow_request(payload, settings.object_store.bucket)
    return foreseen_event(settings, message, payload_id=PAYLOAD_ID, correlation_id=ASSOCIATION_ID, timestamp=OPENED)


def _in_words(entity: ApplicationEntitySettings, identity: Identity, payload: Payload) -> str:
    value, study = identity.grouping_value, identity.study_instance_uid
    name, missing = _GROUPINGS[entity.grouping], ""
    if name == "Patient ID" and value == study.encode():
        name, missing = "Study Instance UID", ", as there is no Patient ID"
    source = f", from {payload.origin.source}" if entity.group_by_source else ""
    return f"{name} {value.decode('latin-1').encode('unicode_escape').decode()}{missing}{source}"


def _past(area: SpoolArea) -> _Past:
    if not area.root.is_dir():
        return _Past()
    try:
        open_now = {preamble.key: preamble.payload_id for _, preamble in committed_files(area)}
        return _Past(True, open_now, read_last_payloads(area.root / "closed-keys"))
    except OSError:  # it belongs to another account
        return _Past()
