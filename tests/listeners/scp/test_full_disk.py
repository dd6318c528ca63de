"""A real disk that is really full, while a modality sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.receiving.scene import EmptyDisk, data_set
from tests.listeners.scp.raw_peer import C_STORE_RQ, COMMAND, DATA, LAST, RawPeer, command
from tests.listeners.scp.receiver import Receiver, receiving
from tests.peers import disks
from tests.waiting import wait_until

pytestmark = pytest.mark.peers

MEGABYTE = 1024 * 1024


@pytest.fixture(params=["ext4", "xfs"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    size = {"ext4": 64, "xfs": 320}[request.param]  # the smallest that mkfs.xfs makes
    with disks.mounted(tmp_path, request.param, size) as point:
        yield point


@pytest.fixture
def receiver(small_disk: Path) -> Iterator[Receiver]:
    with receiving(small_disk / "spool") as receiver:
        assert isinstance(receiver.spool.intake.room._statvfs(small_disk), EmptyDisk), "only the disk itself says no"
        yield receiver


def test_a_disk_that_fills_up_in_mid_instance_is_a700_and_leaves_nothing_half_written(
    small_disk: Path, receiver: Receiver
) -> None:
    with RawPeer(receiver.port) as modality:
        modality.associate()
        assert modality.store(data_set(sop="1.2.3.1"), sop="1.2.3.1") == 0
        filler = disks.fill(small_disk, leave_bytes=2 * MEGABYTE)
        large = data_set(sop="1.2.3.2", pixels=bytes(8 * MEGABYTE))
        assert modality.store(large, sop="1.2.3.2", fragment=200_000) == 0xA700
        filler.unlink()
        assert modality.store(large, sop="1.2.3.2", fragment=200_000) == 0, "the association goes on"
        modality.release()
    assert [len(stored) > 8 * MEGABYTE for stored in receiver.stored()] == [False, True]
    receiver.spool.restart()
    assert len(receiver.stored()) == 2
    assert len(receiver.files()) == 2


def test_what_was_answered_before_the_disk_was_full_is_announced_when_there_is_room(
    small_disk: Path, receiver: Receiver
) -> None:
    with RawPeer(receiver.port) as modality:
        modality.associate()
        assert modality.store(data_set()) == 0
        modality.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ, sop="1.2.3.9")), (1, DATA, b"half of it"))
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
    filler = disks.fill(small_disk, leave_bytes=0)
    receiver.spool.pass_time(5)
    filler.unlink()
    receiver.spool.pass_time(1)
    assert len(receiver.spool.ready()) == 1
