"""Cut and torn at every byte: what comes back is what was committed, or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.payloads.payload import Instance
from tests.gateway.receiving.scene import Scene, data_set


@pytest.fixture
def committed(tmp_path: Path) -> tuple[Scene, Instance, bytes]:
    """A spool with one committed instance, and the bytes of its file."""
    spool = Scene(tmp_path)
    sender = spool.associate()
    instance = sender.send()
    return spool, instance, (spool.area.root / instance.file).read_bytes()


def recovered(spool: Scene, instance: Instance, torn: bytes) -> list[bytes]:
    """Start on a file with these bytes; return the stored bytes of every instance that came back."""
    path = spool.area.root / instance.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(torn)
    spool.restart()
    back = [spool.stored_bytes(kept) for group in spool.intake.open_groups() for kept in group.instances]
    path.unlink(missing_ok=True)
    return back


def cuts(whole: bytes) -> Iterator[bytes]:
    for end in range(len(whole)):
        yield whole[:end]
        yield whole[:end] + bytes(len(whole) - end)  # the size reached the disk, the bytes did not
        yield bytes(end) + whole[end:]


@pytest.mark.slow
def test_a_file_cut_or_zeroed_anywhere_never_comes_back(committed: tuple[Scene, Instance, bytes]) -> None:
    spool, instance, whole = committed
    for torn in cuts(whole):
        if torn != whole:
            assert recovered(spool, instance, torn) == [], f"{len(torn)} bytes came back"


def test_a_file_with_any_byte_changed_never_comes_back_and_is_kept_for_a_person(
    committed: tuple[Scene, Instance, bytes],
) -> None:
    spool, instance, whole = committed
    for at in range(len(whole)):
        torn = bytearray(whole)
        torn[at] ^= 0x55
        assert recovered(spool, instance, bytes(torn)) == []
        (damaged,) = [path for path in spool.area.damaged.rglob("*") if path.is_file()]
        assert damaged.read_bytes() == torn
        damaged.unlink()


def test_zeros_that_a_power_cut_found_behind_an_instance_are_cut_off(committed: tuple[Scene, Instance, bytes]) -> None:
    spool, instance, whole = committed
    for zeros in (1, 4096, 100_000):
        assert recovered(spool, instance, whole + bytes(zeros)) == [bytes(128) + whole[128:]]
    assert list(spool.area.damaged.iterdir()) == []


@pytest.mark.parametrize("behind", [bytes(100) + b"\1", bytes(300_000)])
def test_what_else_stands_behind_an_instance_is_damage(committed: tuple[Scene, Instance, bytes], behind: bytes) -> None:
    spool, instance, whole = committed
    assert recovered(spool, instance, whole + behind) == []
    (damaged,) = [path for path in spool.area.damaged.rglob("*") if path.is_file()]
    assert damaged.read_bytes() == whole + behind


def test_the_whole_file_comes_back_as_it_was_sent(committed: tuple[Scene, Instance, bytes]) -> None:
    spool, instance, whole = committed
    assert recovered(spool, instance, whole) == [bytes(128) + whole[128:]]
    assert whole.endswith(data_set())


def test_what_was_never_committed_is_removed_wherever_the_process_ended(tmp_path: Path) -> None:
    spool = Scene(tmp_path)
    whole = data_set(pixels=b"\7" * 400)
    for end in range(len(whole) + 1):
        reception = spool.associate().reception()
        reception.open()
        reception.write(memoryview(whole)[:end])
        spool.restart()
        assert spool.intake.open_groups() == []
        assert list(spool.area.incoming.iterdir()) == []
    assert list(spool.area.damaged.iterdir()) == []
