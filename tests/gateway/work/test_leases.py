"""The right to go on with work of whichever kind: only the last to take it may write."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from gateway.errors import Dependency, TakenOver
from gateway.kinds import KINDS
from gateway.spool.lease import SpoolLease
from gateway.work.lease import Held, Lease
from gateway.work.transitions import Event
from gateway.work.waiting import Wait
from tests.deployments.dispatching import Dispatching, KindScene


@pytest.fixture(params=list(KINDS))
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KindScene]:
    dispatching = Dispatching(tmp_path, "http://127.0.0.1:9/api", "nobody asks Prefect here")
    with closing(dispatching.node):
        yield KindScene(request.param, dispatching)


def may_write(held: Held) -> None:
    """Write, as its kind does: within a transaction of the database, or under the lock of the spool."""
    if isinstance(held, SpoolLease):
        with held.guarding():
            return
    assert isinstance(held, Lease)
    with held.writing():
        return


def write(lease: Lease, event: Event, now: datetime) -> None:
    if event is Event.WAITS:
        lease.wait([Wait(Dependency.EVENTS, "away")], now, now)
    else:
        with lease.writing() as connection:
            lease.apply(connection, event)


def test_who_has_taken_it_may_write(work: KindScene) -> None:
    held = work.take(work.new())
    held.check()
    may_write(held)


def test_who_takes_it_fences_off_who_had_it(work: KindScene) -> None:
    work_id = work.new()
    first = work.take(work_id)
    second = work.take(work_id)
    assert second.fencing_token > first.fencing_token
    with pytest.raises(TakenOver):
        first.check()
    with pytest.raises(TakenOver):
        may_write(first)
    second.check()
    may_write(second)


def test_leases_on_other_work_are_left_alone(work: KindScene) -> None:
    one, other = work.take(work.new()), work.take(work.new())
    one.check()
    other.check()


@pytest.mark.parametrize("event", [Event.FAILED, Event.WAITS])
def test_who_was_fenced_off_says_nothing_of_its_end_or_its_waits(work: KindScene, event: Event) -> None:
    work_id = work.new()
    first = work.take(work_id)
    work.take(work_id)
    if isinstance(first, SpoolLease):  # the end of a payload is the place of its manifest
        with pytest.raises(TakenOver), first.guarding():
            work.dispatching.node.received.finish(work_id)
        assert work.dispatching.node.received.state(work_id) == "ready"
        return
    assert isinstance(first, Lease)
    with pytest.raises(TakenOver):
        write(first, event, work.dispatching.now)
    found = KINDS[work.name](work.dispatching.node).ledger.find(work_id)
    assert found
    assert found.state == first.of.transitions.of(Event.TAKEN).target
