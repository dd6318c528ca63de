"""A start beside workers that clear, and on a disk that lost a sector: nothing stops it, and nothing waits for ever."""

import errno
import os
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.spool.door import Door
from tests.gateway.spool.scene import Scene


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(("at", "time"), [("done_ids", 1), ("ready_ids", 1), ("done_ids", 2), ("ready_ids", 2)])
@pytest.mark.parametrize("before", [0, 1], ids=["ready", "done"])
@pytest.mark.parametrize("meanwhile", [1, 2], ids=["one step", "two steps"])
def test_a_payload_that_a_worker_clears_meanwhile_is_neither_reopened_nor_in_the_way(
    spool: Scene, monkeypatch: pytest.MonkeyPatch, at: str, time: int, before: int, meanwhile: int
) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    sender.send(sop="1.2.3.2")
    sender.end()
    (payload,) = spool.pass_time(5)
    worker = Door(spool.door.root)
    steps = iter([lambda: worker.finish(payload.payload_id), lambda: worker.remove(payload)])
    _take(steps, before)
    after_listing(monkeypatch, at, time, lambda: _take(steps, meanwhile))
    assert spool.restart().reopened == []
    monkeypatch.undo()
    _take(steps, 2)
    assert spool.pass_time(60) == []
    assert [*spool.door.ready.iterdir(), *spool.door.done.iterdir(), *spool.door.damaged.iterdir()] == []
    assert list(spool.door.incoming.rglob("*.dcm")) == []


def test_a_file_that_the_disk_can_not_give_is_put_aside_and_the_others_come_back(
    spool: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = spool.associate()
    lost, whole = sender.send(sop="1.2.3.1"), sender.send(sop="1.2.3.2")
    spool.crash()
    with_lost_sector(monkeypatch, spool.door.root / lost.file)
    found = spool.start()
    assert found.damaged == 1
    assert [path.name for path in (spool.door.damaged / "unknown").iterdir()] == [
        f"{Path(lost.file).parent.name}-{Path(lost.file).name}"
    ]
    (payload,) = spool.pass_time(60)
    assert [instance.file for instance in payload.instances] == [whole.file]


@pytest.mark.parametrize("movable", [True, False], ids=["", "and can't be put aside"])
def test_a_group_does_not_wait_for_a_file_that_can_not_be_read_any_more(
    spool: Scene, monkeypatch: pytest.MonkeyPatch, movable: bool
) -> None:
    sender = spool.associate()
    lost, whole = sender.send(sop="1.2.3.1"), sender.send(sop="1.2.3.2")
    spool.crash()
    spool.start(verified=False)
    with_lost_sector(monkeypatch, spool.door.root / lost.file)
    if not movable:
        spool.door.damaged.rmdir()
        spool.door.damaged.write_text("no directory")
    spool.verify()
    (payload,) = spool.pass_time(60)
    assert [instance.file for instance in payload.instances] == [whole.file]


def test_a_file_that_was_taken_away_before_it_is_verified_is_not_waited_for(spool: Scene) -> None:
    sender = spool.associate()
    gone, whole = sender.send(sop="1.2.3.1"), sender.send(sop="1.2.3.2")
    spool.crash()
    spool.start(verified=False)
    (spool.door.root / gone.file).unlink()
    spool.verify()
    (payload,) = spool.pass_time(60)
    assert [instance.file for instance in payload.instances] == [whole.file]


def after_listing(monkeypatch: pytest.MonkeyPatch, listing: str, time: int, act: Callable[[], None]) -> None:
    """Act when a door has listed its payloads so many times, before anything is done with the list."""
    original, calls = getattr(Door, listing), count(1)

    def listed(door: Door) -> list[UUID]:
        found: list[UUID] = original(door)
        if next(calls) == time:
            act()
        return found

    monkeypatch.setattr(Door, listing, listed)


def with_lost_sector(monkeypatch: pytest.MonkeyPatch, lost: Path) -> None:
    original = Path.open

    def opened(path: Path, *arguments: Any, **more: Any) -> Any:
        if path == lost:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", opened)


def _take(steps: Iterator[Callable[[], None]], at_most: int) -> None:
    for step in islice(steps, at_most):
        step()
