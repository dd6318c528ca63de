"""Associations, clocks, crashes and closes at random, against a plain model of what must hold."""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from gateway.config import ApplicationEntitySettings
from gateway.payloads.payload import Payload
from gateway.receiving.reception import Reception
from tests.clock import MovableClock
from tests.gateway.receiving.scene import Scene, Sender, data_set

TIMEOUT, HOLD, MAX_OPEN, MAX_INSTANCES = 5.0, 30.0, 120.0, 6
STUDIES = ("1.1", "1.2")

ENTITY = ApplicationEntitySettings(
    ae_title="MIG",
    timeout_seconds=TIMEOUT,
    hold_seconds=HOLD,
    max_open_seconds=MAX_OPEN,
    max_instances=MAX_INSTANCES,
)


Key = tuple[str, int]  # SOP Instance UID and time of receipt: what tells one answer from another


@dataclass(eq=False)
class ModelGroup:
    """What the model knows of a group that has no manifest yet."""

    study: str
    opened: float
    last: float
    answered: set[Key] = field(default_factory=set)
    in_flight: set["Association"] = field(default_factory=set)
    senders: set["Association"] = field(default_factory=set)
    sealed: bool = False

    def is_full(self, now: float) -> bool:
        return len(self.answered) + len(self.in_flight) >= MAX_INSTANCES or now >= self.opened + MAX_OPEN

    def must_close(self, now: float) -> bool:
        if self.in_flight and self.answered:
            return now >= self.opened + MAX_OPEN
        if not self.answered:
            return False
        held = any(now < sender.heard + HOLD for sender in self.senders)
        quiet = now >= self.last + TIMEOUT and not held
        return self.sealed or quiet or now >= self.opened + MAX_OPEN or len(self.answered) >= MAX_INSTANCES


@dataclass(eq=False)
class Association:
    """An association: when it was last heard, and the instance that it is sending."""

    sender: Sender
    heard: float
    reception: Reception | None = None
    sop: str = ""
    group: ModelGroup | None = None
    is_handed_on: bool = False


class SpoolMachine(RuleBasedStateMachine):
    """Every instance answered is in exactly one payload, whole, whatever happened; groups close when they must."""

    associations = Bundle("associations")

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        directory = self.resources.enter_context(tempfile.TemporaryDirectory())
        self.spool = Scene(Path(directory), ENTITY)
        self.open: set[Association] = set()
        self.groups: list[ModelGroup] = []
        self.answered: dict[Key, bytes] = {}
        self.closed: dict[UUID, Payload] = {}

    @property
    def now(self) -> float:
        return self.spool.clock.monotonic()

    @rule(target=associations)
    def associate(self) -> Association:
        association = Association(self.spool.associate(), self.now)
        self.open.add(association)
        return association

    @rule(association=associations, study=st.sampled_from(STUDIES), number=st.integers(1, 4))
    def begin(self, association: Association, study: str, number: int) -> None:
        if association not in self.open or association.reception is not None:
            return
        association.sop = f"{study}.9.{number}"
        association.heard = self.now
        association.reception = association.sender.reception(association.sop)
        association.reception.open()
        association.reception.write(memoryview(data_set(study, f"{study}.9", association.sop)))
        association.group, association.is_handed_on = self.group_for_next(study), False
        association.group.in_flight.add(association)
        association.group.senders.add(association)

    @rule(association=associations, more=st.binary(max_size=40))
    def finish(self, association: Association, more: bytes) -> None:
        if association.reception is None or association.group is None:
            return
        association.heard = self.now
        association.sender.intake.heard()
        association.reception.write(memoryview(more))
        instance = association.reception.commit()
        if association.is_handed_on:
            association.group.senders.add(association)
        group = self.let_go(association)
        group.answered.add((association.sop, instance.received_ns))
        if len(group.answered) >= MAX_INSTANCES:
            self.seal(group)
        self.answered[association.sop, instance.received_ns] = self.spool.stored_bytes(instance)
        os.utime(self.spool.area.root / instance.file, ns=(self.spool.clock.time_ns(),) * 2)
        self.spool.clock.move(0.000_001)  # no two are received in the same nanosecond

    @rule(association=associations, study=st.sampled_from(STUDIES), number=st.integers(1, 4))
    def send(self, association: Association, study: str, number: int) -> None:
        self.begin(association, study, number)
        self.finish(association, b"")

    @rule(association=associations)
    def break_off(self, association: Association) -> None:
        if association.reception is not None:
            group = self.let_go(association)
            if not group.answered and not group.in_flight:
                self.groups.remove(group)

    @rule(association=consumes(associations))
    def end(self, association: Association) -> None:
        if association in self.open:
            self.break_off(association)
            association.sender.end()
            self.open.discard(association)
            for group in self.groups:
                group.senders.discard(association)

    @rule(seconds=st.sampled_from((0.5, 4.0, 6.0, 20.0, 31.0, 130.0)))
    def pass_time(self, seconds: float) -> None:
        self.spool.clock.move(seconds)

    @rule()
    def close_due(self) -> None:
        must = [group for group in self.groups if group.must_close(self.now)]
        for group in sorted(self.groups, key=lambda group: group.sealed):
            if self.now >= group.opened + MAX_OPEN:
                self.seal(group)
                if group.answered and group.in_flight:
                    self.hand_on(group)
        for payload in self.spool.intake.close_due():
            (group,) = [g for g in self.groups if g.answered == set(keys(payload))]
            assert group in must, "a group closed before it may"
            must.remove(group)
            self.groups.remove(group)
            self.closed[payload.payload_id] = payload
        assert not must, "a group was not closed when it must"

    @rule()
    def crash(self) -> None:
        open_ids = {group.payload_id for group in self.spool.intake.open_groups() if group.instances}
        self.spool.restart()
        for association in self.open:
            association.reception = association.group = None
        self.open.clear()
        assert {group.payload_id for group in self.spool.intake.open_groups()} == open_ids
        self.groups = [group for group in self.groups if group.answered]
        for group in self.groups:
            received = [received_ns for _, received_ns in group.answered]
            group.in_flight.clear()
            group.senders.clear()
            group.opened, group.last = self.seconds(min(received)), self.seconds(max(received))
        for study in STUDIES:
            for older in sorted((g for g in self.groups if g.study == study), key=lambda g: g.opened)[:-1]:
                older.sealed = True
            for group in self.groups:
                if group.study == study and len(group.answered) >= MAX_INSTANCES:
                    group.sealed = True
                elif group.study == study and group is self.newest(study):
                    group.sealed = False

    @precondition(lambda self: self.spool.ready())
    @rule(killed=st.booleans())
    def announce(self, *, killed: bool) -> None:
        payload = self.closed[self.spool.ready()[0]]
        for instance in payload.instances:
            assert self.spool.stored_bytes(instance) == self.answered[instance.sop_instance_uid, instance.received_ns]
        self.spool.area.finish(payload.payload_id)
        if killed:
            self.crash()
        else:
            self.spool.area.remove(payload)

    @invariant()
    def no_instance_is_lost_or_kept_twice(self) -> None:
        in_groups = [
            (i.sop_instance_uid, i.received_ns) for group in self.spool.intake.open_groups() for i in group.instances
        ]
        in_payloads = [key for payload in self.closed.values() for key in keys(payload)]
        assert sorted(in_groups + in_payloads) == sorted(self.answered)

    def teardown(self) -> None:
        for association in self.open:
            self.break_off(association)
        self.spool.crash()
        self.resources.close()

    def group_for_next(self, study: str) -> ModelGroup:
        for group in self.groups:
            if group.study == study and not group.sealed:
                if not group.is_full(self.now):
                    return group
                self.seal(group)
        self.groups.append(ModelGroup(study, self.now, self.now))
        return self.groups[-1]

    def hand_on(self, group: ModelGroup) -> None:
        """What is in flight goes to the next group, whether that is full or not."""
        unsealed = [each for each in self.groups if each.study == group.study and not each.sealed]
        successor = unsealed[0] if unsealed else ModelGroup(group.study, self.now, self.now)
        if not unsealed:
            self.groups.append(successor)
        for association in group.in_flight:
            association.group, association.is_handed_on = successor, True
        successor.in_flight |= group.in_flight
        group.in_flight = set()

    def let_go(self, association: Association) -> ModelGroup:
        assert association.reception is not None
        assert association.group is not None
        group = association.group
        association.reception.close()
        association.reception = association.group = None
        group.in_flight.discard(association)
        group.last = self.now
        return group

    def newest(self, study: str) -> ModelGroup:
        return max((g for g in self.groups if g.study == study), key=lambda g: g.opened)

    @staticmethod
    def seal(group: ModelGroup) -> None:
        group.sealed = True
        group.senders.clear()

    @staticmethod
    def seconds(received_ns: int) -> float:
        start = MovableClock()
        return start.monotonic() + (received_ns - start.time_ns()) / 1e9


def keys(payload: Payload) -> list[Key]:
    every = [*payload.instances, *(superseded.instance for superseded in payload.superseded)]
    return [(instance.sop_instance_uid, instance.received_ns) for instance in every]


SpoolMachine.TestCase.settings = settings(max_examples=80)
TestSpool = SpoolMachine.TestCase
