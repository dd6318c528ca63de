"""A start beside workers that clear, and on a disk that lost a sector: nothing stops it, and nothing waits for ever."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from gateway.receiving.verification import FoundFile
from gateway.spool.area import SpoolArea
from tests.gateway.receiving.scene import Scene
from tests.interleaving import at_look


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("before", [0, 1], ids=["ready", "done"])
@pytest.mark.parametrize("meanwhile", [1, 2], ids=["one step", "two steps"])
def test_a_payload_that_a_worker_clears_meanwhile_is_neither_reopened_nor_in_the_way(
    tmp_path: Path, before: int, meanwhile: int
) -> None:
    """Whenever that is: at each look in turn that the start takes at the disk."""
    number = 1
    while _cleared_at_look(number, tmp_path / str(number), before, meanwhile):
        number += 1
    assert number > 10, "a start looks at more"


def _cleared_at_look(number: int, root: Path, before: int, meanwhile: int) -> bool:
    spool = Scene(root)
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    sender.send(sop="1.2.3.2")
    sender.end()
    (payload,) = spool.pass_time(5)
    worker = SpoolArea(spool.area.root)
    steps = iter([lambda: worker.finish(payload.payload_id), lambda: worker.remove(payload)])
    _take(steps, before)
    reopened: list[FoundFile] = []
    was_reached = at_look(number, lambda: _take(steps, meanwhile), lambda: reopened.extend(spool.restart().reopened))
    assert reopened == [], f"look {number}"
    _take(steps, 2)
    assert spool.pass_time(60) == [], f"look {number}"
    left = [*spool.area.ready.iterdir(), *spool.area.done.iterdir(), *spool.area.damaged.iterdir()]
    assert left + list(spool.area.incoming.rglob("*.dcm")) == [], f"look {number}"
    spool.crash()
    return was_reached


def test_a_file_that_the_disk_can_not_give_is_put_aside_and_the_others_come_back(spool: Scene) -> None:
    sender = spool.associate()
    lost, whole = sender.send(sop="1.2.3.1"), sender.send(sop="1.2.3.2")
    spool.crash()
    lose_sector(spool.area.root / lost.file)
    found = spool.start()
    assert found.damaged == 1
    assert [path.name for path in (spool.area.damaged / "unknown").iterdir()] == [
        f"{Path(lost.file).parent.name}-{Path(lost.file).name}"
    ]
    (payload,) = spool.pass_time(60)
    assert [instance.file for instance in payload.instances] == [whole.file]


@pytest.mark.parametrize("movable", [True, False], ids=["", "and can't be put aside"])
def test_a_group_does_not_wait_for_a_file_that_can_not_be_read_any_more(spool: Scene, movable: bool) -> None:
    sender = spool.associate()
    lost, whole = sender.send(sop="1.2.3.1"), sender.send(sop="1.2.3.2")
    spool.crash()
    spool.start(verified=False)
    lose_sector(spool.area.root / lost.file)
    if not movable:
        spool.area.damaged.rmdir()
        spool.area.damaged.write_text("no directory")
    spool.verify()
    (payload,) = spool.pass_time(60)
    assert [instance.file for instance in payload.instances] == [whole.file]


def test_a_file_that_was_taken_away_before_it_is_verified_is_not_waited_for(spool: Scene) -> None:
    sender = spool.associate()
    gone, whole = sender.send(sop="1.2.3.1"), sender.send(sop="1.2.3.2")
    spool.crash()
    spool.start(verified=False)
    (spool.area.root / gone.file).unlink()
    spool.verify()
    (payload,) = spool.pass_time(60)
    assert [instance.file for instance in payload.instances] == [whole.file]


def lose_sector(path: Path) -> None:
    """Have the system answer each reading of it with EIO, as of a disk that lost a sector."""
    path.unlink()
    path.symlink_to("/proc/self/mem")
    with path.open("rb") as file, pytest.raises(OSError, match="Input/output error"):
        file.read(1)


def _take(steps: Iterator[Callable[[], None]], at_most: int) -> None:
    for step in islice(steps, at_most):
        step()
