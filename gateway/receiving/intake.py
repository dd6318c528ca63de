"""The owner's side of the spool: instances taken in, groups closed.

Threads of many associations use one `Intake`. What they share, the groups, lies behind one lock that is never held
over a write of data; each association's files are its own.
"""

import math
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID

from gateway.clock import Clock, SystemClock
from gateway.config import ApplicationEntitySettings
from gateway.disk.durable import write_whole
from gateway.disk.room import Room, is_full
from gateway.errors import NoRoom, SpoolFailed
from gateway.log import Logger
from gateway.lookup.digests import NONE, LookupKey, Lookups
from gateway.payloads.payload import ClosedBy, Instance, Payload
from gateway.receiving.disk_health import DiskHealth
from gateway.receiving.groups import Group, GroupTable, Sender
from gateway.receiving.last_payloads import LastPayloads
from gateway.receiving.manifest import Closing, make_payload
from gateway.spool.area import SpoolArea
from gateway.spool.node import Node
from gateway.spool.owner import owned

_SHORTEST_WAIT_SECONDS = 0.05  # each look at the groups is one at all of them

log = Logger(__name__)


@dataclass(eq=False)
class Intake:
    """Everything that comes into one area of the spool, from the first byte to the manifest. A context manager.

    `entities` maps AE titles to their settings; `lookup_key` makes what payloads are found by, where they are to be.
    Entering takes the owner's lock (SpoolOwned where another process has it) and makes the directories;
    `gateway.receiving.recovery` then brings back what was here before.
    """

    area: SpoolArea
    node: Node
    entities: Mapping[str, ApplicationEntitySettings]
    room: Room
    clock: Clock = field(default_factory=SystemClock)
    lookup_key: LookupKey | None = None
    superseded_with_other_bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.health = DiskHealth(self.area.root, self.area.flushing)
        self._groups = GroupTable()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._receiving = 0
        self._waits_until = math.inf  # monotonic: when who closes groups looks again by itself
        self._closing: list[tuple[Group, ClosedBy]] = []
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self.area.root.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(owned(self.area.root))
        self.area.make()
        self._last_payloads = LastPayloads(self.area.root / "closed-keys")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.close()

    def check(self) -> None:
        """Return if an association may come in. Raises NoRoom, or SpoolFailed while the disk is out of service."""
        self.health.check()
        with self._lock:
            largest, writers = self._groups.largest_bytes, self._receiving + 1
        self.room.check(largest, writers)

    def receiving(self, count: int) -> None:
        """Count an instance that begins (+1) or ends (-1)."""
        with self._lock:
            self._receiving += count

    def join(self, key: bytes, entity: ApplicationEntitySettings, sender: Sender) -> Group:
        """An instance of `key` is on its way: its group, opened with it or before, does not close meanwhile."""
        with self._changed:
            now = self.clock.monotonic()
            group = self._groups.join(key, entity, sender, now, self.clock.time_ns())
            if not group.instances and group.earliest_close(now) < self._waits_until:
                self._changed.notify_all()
            return group

    def lookups(self, values: Mapping[int, bytes]) -> Lookups:
        """What a payload is found by of a data set with these `values`, as a HeaderScanner has them."""
        return self.lookup_key.lookups(values) if self.lookup_key else NONE

    def promise(self, group: Group, sender: Sender) -> Group:
        """Return the group that an instance of `group` belongs to for good: its file may name it now."""
        with self._lock:
            return self._groups.promise(group, sender)

    def filed(self, group: Group, instance: Instance, lookups: Lookups) -> None:
        """The instance is durable, and about to be answered."""
        with self._changed:
            self._groups.filed(group, instance, lookups, self.clock.monotonic())
            self._wake_if_sealed(group)

    def drop(self, group: Group, *, promised: bool = False) -> None:
        """An instance did not come whole, or does not verify."""
        with self._changed:
            now = group.now()
            self._groups.dropped(now, self.clock.monotonic(), promised=promised)
            self._wake_if_sealed(now)

    def recovered(self, group: Group, instance: Instance, lookups: Lookups, entity: ApplicationEntitySettings) -> None:
        """An instance that a process before this one committed was verified."""
        with self._changed:
            self._groups.recovered(group, instance, lookups, entity)
            self._changed.notify_all()

    def reopen(self, payload_id: UUID, key: bytes, opened: float, opened_ns: int, active: float) -> Group:
        """A group that was open when the process ended is open again; see `GroupTable.reopen`."""
        with self._lock:
            return self._groups.reopen(payload_id, key, opened, opened_ns, active)

    def open_groups(self) -> list[Group]:
        """The groups that have not closed, for now."""
        with self._lock:
            return list(self._groups)

    def ended(self, sender: Sender) -> None:
        """An association is over: it holds no group any more."""
        with self._changed:
            self._groups.ended(sender)
            self._changed.notify_all()

    def _wake_if_sealed(self, group: Group) -> None:
        """Every other group closes later than it would have: who waits for it need not know."""
        if self._groups.is_sealed(group):
            self._changed.notify_all()

    def last_closed(self, key: bytes) -> UUID | None:
        """The payload of `key` that closed last, as far as is known."""
        return self._last_payloads[key]

    def close_due(self) -> list[Payload]:
        """Write the manifest of every group that is due; return the payloads that are now ready.

        A manifest that can't be written is tried again at the next call: the group's instances are durable, and
        their payload id stays.
        """
        self._seal_asked()
        with self._lock:
            self._closing += self._groups.take_due(self.clock.monotonic(), self.clock.time_ns())
        ready = []
        while self._closing:
            group, closed_by = self._closing[0]
            try:
                ready.append(self._close(group, closed_by))
            except OSError as error:
                self.disk_failed(error)
                log.error("manifest not written, tried again", payload=str(group.payload_id), reason=error.strerror)
                break
            self._closing.pop(0)
        return ready

    def _seal_asked(self) -> None:
        """Seal what an operator wants closed. The file that says so stays until the group is gone, whatever ends us."""
        try:
            for payload_id in self.area.asked_to_close():
                if not self._sealed(payload_id):
                    self.area.forget_to_close(payload_id)
        except OSError as error:
            self.disk_failed(error)
            log.error("groups that are to be closed can't be looked for", reason=error.strerror)

    def _sealed(self, payload_id: UUID) -> bool:
        """Seal a group; False where it is gone, and its manifest is written."""
        with self._lock:
            about_to_close = any(group.payload_id == payload_id for group, _ in self._closing)
            return self._groups.seal(payload_id, "operator") or about_to_close

    def wait_until_due(self, longest_seconds: float) -> None:
        """Return when `close_due` is worth a call, after `longest_seconds` at the latest, or when something changes."""
        with self._changed:
            now = self.clock.monotonic()
            due = now + 1 if self._closing else self._groups.next_due(now)
            seconds = longest_seconds if due is None else min(due - now, longest_seconds)
            if seconds > 0:
                seconds = max(seconds, _SHORTEST_WAIT_SECONDS)
                self._waits_until = now + seconds
                self._changed.wait(seconds)
                self._waits_until = math.inf

    def disk_failed(self, error: OSError) -> NoRoom | SpoolFailed:
        """Say what a failed write means: no room, or a disk that is out of service from now on."""
        if is_full(error):
            return NoRoom("the spool's disk is full")
        self.health.failed(error)
        return SpoolFailed(f"the spool's disk failed: {error.strerror}")

    def _close(self, group: Group, closed_by: ClosedBy) -> Payload:
        last = self._last_payloads[group.key]
        supplements: UUID | None = last if last != group.payload_id else None
        closing = Closing(closed_by, self.clock.time_ns(), supplements)
        fingerprint = self.lookup_key.fingerprint if self.lookup_key else None
        payload = make_payload(group, closing, self.node.node_id, fingerprint)
        content = payload.model_dump_json().encode()
        write_whole(self.area.ready / f"{payload.payload_id}.json", content, self.area.flushing)
        try:
            self._last_payloads.closed(group.key, group.payload_id)
        except OSError as error:  # a hint for the next start: to close the group again would announce it twice
            self.disk_failed(error)
            log.warning("closed key not noted", payload=str(group.payload_id), reason=error.strerror)
        self._warn_of_other_bytes(payload)
        return payload

    def _warn_of_other_bytes(self, payload: Payload) -> None:
        others = [superseded for superseded in payload.superseded if not superseded.identical]
        if others:
            self.superseded_with_other_bytes += len(others)
            log.warning(
                "instances were sent again with other bytes: the later ones stand",
                payload=str(payload.payload_id),
                instances=len(others),
            )
