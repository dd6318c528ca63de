"""Killed at any point: the rows of the table in docs/spool.md."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.config import ApplicationEntitySettings
from gateway.disk.room import Room
from gateway.errors import SpoolOwned
from gateway.receiving.intake import Intake
from gateway.spool.area import SpoolArea
from gateway.spool.node import read_node
from gateway.spool.owner import owner_of
from tests.gateway.receiving.scene import Scene, data_set


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def only_group_id(spool: Scene) -> str:
    (group,) = spool.intake.open_groups()
    return str(group.payload_id)


def test_an_open_group_comes_back_under_its_payload_id(spool: Scene) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    before = only_group_id(spool)
    spool.restart()
    assert only_group_id(spool) == before
    sender = spool.associate("CT01")
    sender.send(sop="1.2.3.2")
    sender.end()
    (payload,) = spool.pass_time(5)
    assert (str(payload.payload_id), len(payload.instances)) == (before, 2)


def test_a_new_instance_joins_a_reopened_group_before_it_is_verified(spool: Scene) -> None:
    spool.associate().send(sop="1.2.3.1")
    before = only_group_id(spool)
    spool.crash()
    spool.start(verified=False)
    late = spool.associate()
    late.send(sop="1.2.3.2")
    late.end()
    assert spool.pass_time(60) == [], "it closed before all of it was verified"
    spool.verify()
    (payload,) = spool.pass_time(0)
    assert (str(payload.payload_id), len(payload.instances)) == (before, 2)


def test_what_an_operator_wants_closed_is_closed_by_the_next_process(spool: Scene) -> None:
    spool.associate().send()
    before = only_group_id(spool)
    spool.area.ask_to_close(UUID(before))
    spool.crash()
    spool.start(verified=False)
    assert spool.pass_time(0) == [], "it closed before it was verified"
    spool.restart()  # once more, after it was seen
    (payload,) = spool.pass_time(0)
    assert (str(payload.payload_id), payload.closed_by) == (before, "operator")


def test_a_resend_of_what_was_flushed_but_not_answered_is_a_silent_repeat(spool: Scene) -> None:
    spool.associate().send()
    spool.restart()
    sender = spool.associate()
    sender.send()
    sender.end()
    (payload,) = spool.pass_time(5)
    assert [superseded.identical for superseded in payload.superseded] == [True]


def test_a_manifest_not_yet_renamed_is_removed_and_the_group_is_open_again(spool: Scene) -> None:
    spool.associate().send()
    before = only_group_id(spool)
    (spool.area.ready / f".{before}.json.123.tmp").write_text("{")
    spool.restart()
    assert only_group_id(spool) == before
    assert list(spool.area.ready.iterdir()) == []


def test_a_manifest_in_ready_stays_there_and_its_files_are_not_touched(spool: Scene) -> None:
    sender = spool.associate()
    instance = sender.send()
    sender.end()
    (payload,) = spool.pass_time(5)
    found = spool.restart()
    assert (found.ready, found.reopened) == (1, [])
    assert spool.ready() == [payload.payload_id]
    assert spool.stored_bytes(instance).endswith(data_set())


def test_an_announced_payload_is_deleted_to_the_end(spool: Scene) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    sender.send(sop="1.2.3.2")
    sender.end()
    (payload,) = spool.pass_time(5)
    spool.area.finish(payload.payload_id)
    (spool.area.root / payload.instances[0].file).unlink()  # killed after the first
    assert spool.restart().announced == 1
    assert spool.area.state(payload.payload_id) is None
    assert list(spool.area.incoming.iterdir()) == []


def test_a_file_as_old_as_its_name_is_as_young_as_its_instance(spool: Scene) -> None:
    """A power cut leaves a file that was written over zeros with the time at which it was made."""
    instance = spool.associate().send()
    made = spool.clock.time_ns() - 3600 * 10**9
    os.utime(spool.area.root / instance.file, ns=(made, made))
    spool.restart()
    assert spool.pass_time(4.9) == []
    assert len(spool.pass_time(0.1)) == 1


def test_finishing_and_removing_may_be_repeated(spool: Scene) -> None:
    sender = spool.associate()
    sender.send()
    sender.end()
    (payload,) = spool.pass_time(5)
    with pytest.raises(ValueError, match="its files stay"):
        spool.area.remove(payload)
    for _ in range(2):
        spool.area.finish(payload.payload_id)
    for _ in range(2):
        spool.area.remove(payload)
    assert spool.area.state(payload.payload_id) is None


def test_an_unreadable_manifest_is_put_aside_and_written_again_under_the_same_id(spool: Scene) -> None:
    sender = spool.associate()
    sender.send()
    sender.end()
    (payload,) = spool.pass_time(5)
    (spool.area.ready / f"{payload.payload_id}.json").write_bytes(b"\0" * 300)
    spool.restart()
    (again,) = spool.pass_time(60)
    assert (again.payload_id, again.supplements) == (payload.payload_id, None)
    assert [i.crc32c for i in again.instances] == [i.crc32c for i in payload.instances]


def test_of_two_open_payloads_of_one_study_the_newer_takes_what_comes(tmp_path: Path) -> None:
    spool = Scene(tmp_path, ApplicationEntitySettings(ae_title="MIG", max_open_seconds=60))
    slow, quick = spool.associate(), spool.associate()
    slow.send(sop="1.2.3.1")
    with slow.begin("1.2.3.2") as in_flight:
        in_flight.write(memoryview(data_set(sop="1.2.3.2")))
        spool.clock.move(61)
        newer = quick.send(sop="1.2.3.3")
        in_flight.commit()
    older, younger = sorted(spool.intake.open_groups(), key=lambda group: group.opened_ns)
    spool.restart()
    assert {group.payload_id for group in spool.intake.open_groups()} == {older.payload_id, younger.payload_id}
    spool.associate().send(sop="1.2.3.4")
    (joined,) = [group for group in spool.intake.open_groups() if group.payload_id == younger.payload_id]
    assert [instance.sop_instance_uid for instance in joined.instances] == [newer.sop_instance_uid, "1.2.3.4"]
    (closed,) = spool.pass_time(0)
    assert (closed.payload_id, closed.closed_by) == (older.payload_id, "replaced")


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_jumped_neither_closes_early_nor_keeps_open(spool: Scene, hours: int) -> None:
    instance = spool.associate().send()
    file = spool.area.root / instance.file
    moved = spool.clock.time_ns() + hours * 3600 * 10**9
    os.utime(file, ns=(moved, moved))
    spool.restart()
    if hours > 0:  # the file seems to come from the future: quiet from now on
        assert spool.pass_time(4.9) == []
    assert len(spool.pass_time(5)) == 1


def test_only_one_process_owns_a_door(spool: Scene) -> None:
    second = Intake(spool.area, read_node(spool.root), {}, Room(spool.root, 0))
    with pytest.raises(SpoolOwned, match=f"process {os.getpid()} on"), second:
        pass
    assert owner_of(spool.area.root)
    spool.crash()
    assert owner_of(spool.area.root) is None


def test_the_identity_of_a_spool_moves_with_it(spool: Scene, tmp_path: Path) -> None:
    before = read_node(tmp_path)
    spool.restart()
    assert read_node(tmp_path) == before
    assert before.worker_name.endswith(str(before.node_id)[:8])


def test_files_that_are_not_ours_do_not_stop_the_start(spool: Scene) -> None:
    (spool.area.incoming / "lost+found").mkdir()
    (spool.area.incoming / "README").write_text("hello")
    (spool.area.ready / "notes.json").write_text("{}")
    (spool.area.done / f"{uuid4()}.json").write_text("not a manifest")
    found = spool.restart()
    assert (found.ready, found.announced) == (0, 1)


def test_names_made_ahead_are_gone_when_the_association_ends(spool: Scene) -> None:
    sender = spool.associate()
    for number in range(10):
        sender.send(sop=f"1.2.3.{number}")
    assert len(list(spool.area.incoming.rglob("*.dcm"))) > 10
    sender.end()
    assert len(list(spool.area.incoming.rglob("*.dcm"))) == 10


def test_deleting_a_payload_leaves_the_directory_of_an_open_association(tmp_path: Path) -> None:
    spool = Scene(tmp_path, ApplicationEntitySettings(ae_title="MIG", max_instances=4))
    sender = spool.associate()
    for number in range(4):
        sender.send(sop=f"1.2.3.{number}")
    (payload,) = spool.pass_time(0)
    SpoolArea(spool.area.root).finish(payload.payload_id)
    SpoolArea(spool.area.root).remove(payload)
    sender.send(sop="1.2.3.9")
    sender.end()
    assert len(spool.pass_time(5)) == 1
