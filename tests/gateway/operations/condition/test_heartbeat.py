"""What is told of a node's loops."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.disk.lock_file import locked
from gateway.disk.paths import Paths
from gateway.errors import AlreadyRunning
from gateway.operations.condition.heartbeat import DISPATCHER, WORKER, Hearts, beats
from gateway.operations.condition.liveness import liveness
from tests.clock import MovableClock


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def dispatcher(paths: Paths) -> Iterator[Hearts]:
    """A dispatcher that runs here."""
    with ExitStack() as stack:
        stack.enter_context(locked(paths.role_lock(DISPATCHER), DISPATCHER, lambda _: AlreadyRunning("twice")))
        yield Hearts(paths, DISPATCHER)


def test_a_loop_that_turns_is_seen_with_what_it_tells(paths: Paths, dispatcher: Hearts) -> None:
    heart = dispatcher.of("Engine.look", 60)
    heart.beat(lambda: {"groups": 3})
    (seen,) = beats(paths)
    assert (seen.role, seen.loop, seen.facts) == ("dispatch", "Engine.look", {"groups": 3})
    assert not seen.is_late(datetime.now(UTC))
    assert liveness(paths).is_live


def test_a_loop_that_stands_still_is_named(paths: Paths, dispatcher: Hearts) -> None:
    dispatcher.of("Engine.look", 60).beat()
    dispatcher.of("Release.look", 120).beat()
    later = liveness(paths, datetime.now(UTC) + timedelta(seconds=90))
    assert not later.is_live
    assert [loop.loop for loop in later.standing_still] == ["Engine.look"]


def test_its_file_is_touched_once_a_second_at_most(paths: Paths, dispatcher: Hearts) -> None:
    clock = MovableClock()
    heart = Hearts(paths, DISPATCHER, clock).of("Engine.look", 60)
    heart.beat()
    os.utime(heart.file, (0, 0))
    clock.move(0.9)
    heart.beat()
    assert heart.file.stat().st_mtime == 0
    clock.move(0.2)
    heart.beat()
    assert beats(paths)[0].last > datetime.now(UTC) - timedelta(minutes=1)


def test_two_loops_of_one_name_are_told_apart(paths: Paths, dispatcher: Hearts) -> None:
    for _ in range(2):
        dispatcher.of("LostWorkers.look", 60).beat()
    assert [seen.loop for seen in beats(paths)] == ["LostWorkers.look", "LostWorkers.look-2"]


def test_a_loop_that_has_ended_is_not_missed(paths: Paths, dispatcher: Hearts) -> None:
    with dispatcher.of("WorkerLoop._find_runs", 60):
        assert len(beats(paths)) == 1
    assert beats(paths) == []


def test_of_a_process_that_does_not_run_nothing_is_told(paths: Paths) -> None:
    Hearts(paths, WORKER).of("WorkerLoop._sync", 60).beat()
    assert beats(paths) == []


def test_what_an_earlier_process_left_is_removed(paths: Paths, dispatcher: Hearts) -> None:
    dispatcher.of("a loop of an older version", 60).beat()
    Hearts(paths, DISPATCHER).of("Engine.look", 60).beat()
    assert [seen.loop for seen in beats(paths)] == ["Engine.look"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"role": "nobody"}', "\0"])
def test_what_is_no_heartbeat_is_passed_over(paths: Paths, dispatcher: Hearts, content: str) -> None:
    (paths.beats / "dispatch.torn").write_text(content)
    assert liveness(paths).is_live


def test_a_disk_that_is_full_stops_no_loop(paths: Paths, dispatcher: Hearts) -> None:
    heart = dispatcher.of("Engine.look", 60)
    paths.beats.rmdir()
    paths.beats.write_text("in the way")
    heart.beat()


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert liveness(Paths(tmp_path / "nowhere")).loops == ()
    assert list(tmp_path.iterdir()) == []
