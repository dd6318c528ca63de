"""From a group to its payload: what stands, what was sent again."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from gateway.clock import time_of
from gateway.payloads.payload import ClosedBy, Instance, KeptLookups, Payload, Superseded
from gateway.receiving.groups import Group


class Closing(NamedTuple):
    """By what a group closes and when, in nanoseconds since 1970, and which payload of its key closed before it."""

    by: ClosedBy
    at_ns: int
    supplements: UUID | None


def make_payload(group: Group, closing: Closing, node_id: UUID, lookup_key: str | None) -> Payload:
    """Return the payload of a group that closes now. Instances stand in the order in which they were received.

    `lookup_key` is the fingerprint of the key that its lookups were made with; None where nobody made any. It is found
    by those of instances that were sent again as well.
    """
    assert group.entity is not None
    standing, superseded = supersede(group.instances)
    return Payload(
        payload_id=group.payload_id,
        node=node_id,
        key=group.key.hex(),
        grouping=group.entity.grouping,
        workflows=group.entity.workflows,
        opened=time_of(group.opened_ns),
        closed=time_of(closing.at_ns),
        closed_by=closing.by,
        supplements=closing.supplements,
        instances=standing,
        superseded=superseded,
        lookups=KeptLookups(key=lookup_key, digests=tuple(sorted(group.lookups))) if lookup_key else None,
    )


def supersede(instances: Iterable[Instance]) -> tuple[tuple[Instance, ...], tuple[Superseded, ...]]:
    """Part the instances that stand from those that a later one with the same SOP Instance UID replaces.

    A sender that had no answer sends again: the same bytes are no event, other bytes are worth a warning.
    """
    last: dict[str, Instance] = {}
    replaced: list[Instance] = []
    for instance in sorted(instances, key=lambda instance: instance.received_ns):
        earlier = last.pop(instance.sop_instance_uid, None)
        if earlier is not None:
            replaced.append(earlier)
        last[instance.sop_instance_uid] = instance
    superseded = tuple(
        Superseded(instance=instance, identical=_same_bytes(instance, last[instance.sop_instance_uid]))
        for instance in replaced
    )
    return tuple(last.values()), superseded


def _same_bytes(one: Instance, other: Instance) -> bool:
    return (one.crc32c, one.bytes) == (other.crc32c, other.bytes)
