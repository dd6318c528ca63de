"""Which instances belong together, and when a group of them is closed.

Plain objects, told what happens and what time it is; the caller holds the one lock. A group is keyed by the called
AE title and the grouping value (by the calling AE title as well where the AE says so) and has its payload id from
its first instance on. It closes when

- nobody has an instance of it in flight, nobody holds it, and it was quiet for the AE's `timeout_seconds`. A sender
  holds the groups that it has fed until it ends, or has sent nothing at all for `hold_seconds`;
- or it reaches `max_open_seconds`, `max_instances` or `max_bytes`: it is sealed at once, so that the next instance
  opens a successor, and closes when the last instance in flight is answered, or at `max_open_seconds` without it;
- or an operator wants it closed: it is sealed as well;
- or, after a crash, another of the same key was opened later: it was replaced, and closes when it is verified.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from gateway.config import ApplicationEntitySettings
from gateway.lookup.digests import Lookup, Lookups
from gateway.payloads.payload import ClosedBy, Instance


@dataclass(slots=True, eq=False)
class Sender:
    """One association as the groups see it. `last_activity` is the monotonic time of the last thing it sent."""

    last_activity: float
    groups: set["Group"] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Group:
    """Instances of one key, from the first to the manifest."""

    payload_id: UUID
    key: bytes
    opened: float  # monotonic
    opened_ns: int  # since 1970
    active: float  # monotonic time of the last instance
    entity: ApplicationEntitySettings | None  # unknown until one instance of a recovered group is verified
    instances: list[Instance] = field(default_factory=list)
    lookups: set[Lookup] = field(default_factory=set)
    bytes: int = 0
    in_flight: int = 0
    promised: int = 0  # of those in flight: their files say, or are about to, that they belong to this payload
    senders: set[Sender] = field(default_factory=set)
    sealed_by: ClosedBy | None = None
    successor: "Group | None" = None  # that has what was in flight when this one closed

    def quiet_at(self) -> float:
        """When it may close if nothing more happens: `timeout_seconds` after the last instance and all holds."""
        assert self.entity is not None
        hold = self.entity.hold_seconds
        held_until = max((sender.last_activity + hold for sender in self.senders), default=0.0)
        return max(self.active + self.entity.timeout_seconds, held_until)

    def earliest_close(self, now: float) -> float:
        """Not before this time does it close: what is in flight now makes it active once more."""
        assert self.entity is not None
        quiet_at = max(self.quiet_at(), now + self.entity.timeout_seconds) if self.in_flight else self.quiet_at()
        return min(quiet_at, max(now, self.limit_at()))

    def full_with(self, instances: int) -> ClosedBy | None:
        """The limit of size that it has reached once it has so many instances."""
        assert self.entity is not None
        if self.bytes >= self.entity.max_bytes:
            return "max_bytes"
        return "max_instances" if instances >= self.entity.max_instances else None

    def is_too_old(self, now: float) -> bool:
        return now >= self.limit_at()

    def can_close_without(self) -> bool:
        """Whether it can leave what is in flight to another: none of it says yet where it belongs."""
        return bool(self.instances and self.in_flight and not self.promised)

    def now(self) -> "Group":
        """The group that has what joined this one: itself, mostly."""
        return self.successor.now() if self.successor else self

    def limit_at(self) -> float:
        """When it is sealed at the latest."""
        assert self.entity is not None
        return self.opened + self.entity.max_open_seconds


class GroupTable:
    """The groups of one spool area."""

    def __init__(self) -> None:
        self._current: dict[bytes, Group] = {}  # what the next instance of a key joins
        self._sealed: set[Group] = set()  # full or too old: waiting for what is in flight

    def __iter__(self) -> Iterator[Group]:
        yield from self._current.values()
        yield from self._sealed

    def join(self, key: bytes, entity: ApplicationEntitySettings, sender: Sender, now: float, now_ns: int) -> Group:
        """An instance is on its way to the group of `key`, which is opened if there is none that can take it."""
        group = self._current.get(key)
        if group is not None:
            group.entity = entity
            if limit := self._limit_before_next(group, now):
                self._seal(group, limit)
                group = None
        if group is None:
            group = self._current[key] = Group(uuid4(), key, now, now_ns, now, entity)
        group.in_flight += 1
        group.senders.add(sender)
        sender.groups.add(group)
        return group

    def promise(self, group: Group, sender: Sender) -> Group:
        """Return the group of an instance in flight whose file is about to name it: it does not change any more."""
        now = group.now()
        if now is not group:
            now.senders.add(sender)
            sender.groups.add(now)
        now.promised += 1
        return now

    def filed(self, group: Group, instance: Instance, lookups: Lookups, now: float) -> None:
        """An instance in flight that was promised is durable, and about to be answered."""
        group.in_flight -= 1
        group.promised -= 1
        group.active = now
        self._add(group, instance, lookups)

    def dropped(self, group: Group, now: float, *, promised: bool) -> None:
        """An instance in flight did not come whole, or could not be kept."""
        group.in_flight -= 1
        group.promised -= promised
        group.active = max(group.active, now)
        if not group.instances and not group.in_flight:
            self._remove(group)

    def ended(self, sender: Sender) -> None:
        """An association ended: it holds nothing any more."""
        for group in sender.groups:
            group.senders.discard(sender)
        sender.groups.clear()

    def reopen(self, payload_id: UUID, key: bytes, opened: float, opened_ns: int, active: float) -> Group:
        """Open a group again that was open when the process ended; one instance, not yet verified, is in flight.

        Of several with the same key the one that was opened last takes what comes next.
        """
        current = self._current.get(key)
        known = (current, *self._sealed) if current else self._sealed
        group = next((each for each in known if each.payload_id == payload_id), None)
        if group is None:
            group = Group(payload_id, key, opened, opened_ns, active, None)
            self._place(group, current)
        group.in_flight += 1
        group.promised += 1
        group.opened, group.opened_ns = min((group.opened, group.opened_ns), (opened, opened_ns))
        group.active = max(group.active, active)
        return group

    def _place(self, group: Group, current: Group | None) -> None:
        """Of two with the same key the one that was opened later is current; the other closes once it is verified."""
        if current is not None and current.opened_ns >= group.opened_ns:
            self._seal(group, "replaced")
            return
        if current is not None:
            self._seal(current, "replaced")
        self._current[group.key] = group

    def recovered(self, group: Group, instance: Instance, lookups: Lookups, entity: ApplicationEntitySettings) -> None:
        """An instance of a reopened group was verified."""
        group.in_flight -= 1
        group.promised -= 1
        group.entity = group.entity or entity
        self._add(group, instance, lookups)

    def seal(self, payload_id: UUID, by: ClosedBy) -> bool:
        """Have a group take no more: it closes when what is in flight is answered. False where there is none."""
        group = next((each for each in self if each.payload_id == payload_id), None)
        if group is not None:
            self._seal(group, by)
        return group is not None

    def take_due(self, now: float, now_ns: int) -> list[tuple[Group, ClosedBy]]:
        """Take the groups that close now out of the table, with what closes each."""
        for group in list(self):
            if group.entity is not None and group.is_too_old(now) and not self._is_quiet(group, now):
                self._seal(group, "max_open_seconds")
                if group.can_close_without():
                    self._hand_on(group, now, now_ns)
        due: list[tuple[Group, ClosedBy]] = [(g, "quiet") for g in self._current.values() if self._is_quiet(g, now)]
        due += [(group, group.sealed_by) for group in self._sealed if group.sealed_by and not group.in_flight]
        for group, _ in due:
            self._remove(group)
        return due

    def next_due(self, now: float) -> float | None:
        """The monotonic time before which `take_due` finds nothing, unless a group is sealed; None for never."""
        if any(not group.in_flight for group in self._sealed):
            return now
        due = [group.earliest_close(now) for group in self._current.values() if group.entity]
        due += [group.limit_at() for group in self._sealed if group.entity and group.can_close_without()]
        return min(due, default=None)

    def is_sealed(self, group: Group) -> bool:
        """Whether the group takes no more and closes when its last instance in flight is answered."""
        return group in self._sealed

    @property
    def largest_bytes(self) -> int:
        """The size of the largest group that is open."""
        return max((group.bytes for group in self), default=0)

    @staticmethod
    def _is_quiet(group: Group, now: float) -> bool:
        return not group.in_flight and group.entity is not None and now >= group.quiet_at()

    @staticmethod
    def _limit_before_next(group: Group, now: float) -> ClosedBy | None:
        full = group.full_with(len(group.instances) + group.in_flight)
        return full or ("max_open_seconds" if group.is_too_old(now) else None)

    def _add(self, group: Group, instance: Instance, lookups: Lookups) -> None:
        group.instances.append(instance)
        group.lookups |= lookups
        group.bytes += instance.bytes
        if full := group.full_with(len(group.instances)):
            self._seal(group, full)

    def _hand_on(self, group: Group, now: float, now_ns: int) -> None:
        """Leave what a sealed group has in flight to the group of its key that takes what comes."""
        current = self._current.get(group.key)
        if current is None:
            current = self._current[group.key] = Group(uuid4(), group.key, now, now_ns, now, group.entity)
        current.in_flight += group.in_flight
        group.in_flight, group.successor = 0, current

    def _seal(self, group: Group, limit: ClosedBy) -> None:
        if group.sealed_by is None:
            group.sealed_by = limit
            self._remove(group)
            self._sealed.add(group)

    def _remove(self, group: Group) -> None:
        if self._current.get(group.key) is group:
            del self._current[group.key]
        self._sealed.discard(group)
        for sender in group.senders:
            sender.groups.discard(group)
        group.senders.clear()
