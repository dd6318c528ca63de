"""The power goes: what was answered is there, byte for byte, whatever the file system had not yet written."""

import subprocess
from pathlib import Path

import pytest

from gateway.disk.durable import Durability
from tests.gateway.receiving.scene import Scene, data_set
from tests.peers.disks import cut_power, mounted

pytestmark = [pytest.mark.peers]


def pixels(number: int) -> bytes:
    """Of an instance: its length differs from one to the next, now within a block and now across."""
    return bytes([number % 250 + 1]) * (33_000 + number * 97 % 5_000)


def receive_and_lose_power(spool: Scene, disk: Path, instances: int) -> None:
    """Take so many instances in over one association, end in the middle of it, and start again."""
    sender = spool.associate()
    for number in range(instances):
        sender.send(sop=f"1.2.3.{number}", pixels=pixels(number))
    spool.crash()
    cut_power(disk)
    spool.start()


@pytest.mark.parametrize("zeros_ahead", [True, False])
@pytest.mark.parametrize("kind", ["xfs", "ext4"])
def test_every_instance_that_was_answered_survives(tmp_path: Path, kind: str, zeros_ahead: bool) -> None:
    with mounted(tmp_path, kind, megabytes=400) as disk:
        spool = Scene(disk / "spool", flushing=Durability.DISK, zeros_ahead=zeros_ahead)
        receive_and_lose_power(spool, disk, 150)
        (group,) = spool.intake.open_groups()
        back = {instance.sop_instance_uid: spool.stored_bytes(instance) for instance in group.instances}
        assert len(back) == 150
        for number in range(150):
            sent = data_set(sop=f"1.2.3.{number}", pixels=pixels(number))
            assert back[f"1.2.3.{number}"].endswith(sent)
        assert spool.recovery.damaged == 0
        assert [path for path in spool.area.damaged.rglob("*") if path.is_file()] == []
        spool.crash()


def test_a_cut_takes_what_was_not_flushed(tmp_path: Path) -> None:
    """The cut is one: without flushes, instances are gone."""
    with mounted(tmp_path, "xfs", megabytes=400) as disk:
        spool = Scene(disk / "spool", flushing=Durability.OS)
        subprocess.run(["sync"], check=True)
        receive_and_lose_power(spool, disk, 20)
        assert spool.intake.open_groups() == []
        spool.crash()
