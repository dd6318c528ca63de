"""Which instances become one payload, and when it closes: the clock is moved, not waited for."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.config import ApplicationEntitySettings
from gateway.disk.durable import Durability, Flushing
from gateway.payloads.payload import Payload
from tests.gateway.receiving.scene import Scene, Sender, data_set

MakeScene = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> MakeScene:
    def make(**settings: object) -> Scene:
        return Scene(tmp_path, ApplicationEntitySettings.model_validate({"ae_title": "MIG", **settings}))

    return make


def series_of(sender: Sender, study: str, series: str, count: int = 2) -> None:
    for number in range(count):
        sender.send(study, series, f"{series}.{number}")


def test_a_study_is_one_payload_whatever_its_series(scene: MakeScene) -> None:
    spool = scene(grouping="0020,000D")
    sender = spool.associate()
    series_of(sender, "1.1", "1.1.1")
    series_of(sender, "1.1", "1.1.2")
    sender.end()
    (payload,) = spool.pass_time(5)
    assert len(payload.instances) == 4
    assert payload.closed_by == "quiet"


def test_grouped_by_series_each_series_is_a_payload(scene: MakeScene) -> None:
    spool = scene(grouping="0020,000E")
    sender = spool.associate()
    series_of(sender, "1.1", "1.1.1")
    series_of(sender, "1.1", "1.1.2")
    sender.end()
    assert len(spool.pass_time(5)) == 2


def test_grouped_by_patient_two_studies_are_one_payload(scene: MakeScene) -> None:
    spool = scene(grouping="0010,0020")
    sender = spool.associate()
    sender.send("1.1", "1.1.1", "1.1.1.1", patient="P7")
    sender.send("1.2", "1.2.1", "1.2.1.1", patient="P7 ")
    sender.end()
    assert len(spool.pass_time(5)) == 1


def test_patients_without_an_id_do_not_become_one(scene: MakeScene) -> None:
    spool = scene(grouping="0010,0020")
    sender = spool.associate()
    sender.send("1.1", "1.1.1", "1.1.1.1", patient="")
    sender.send("1.2", "1.2.1", "1.2.1.1", patient=" ")
    sender.end()
    assert len(spool.pass_time(5)) == 2


@pytest.mark.parametrize(("seconds_between", "payloads"), [(3, 1), (6, 3)])
def test_three_associations_are_one_payload_if_each_comes_within_the_timeout(
    scene: MakeScene, seconds_between: float, payloads: int
) -> None:
    spool = scene(timeout_seconds=5)
    closed = []
    for number in range(3):
        sender = spool.associate()
        series_of(sender, "1.1", f"1.1.{number}")
        sender.end()
        closed += spool.pass_time(seconds_between)
    closed += spool.pass_time(5)
    assert len(closed) == payloads


def test_the_same_study_at_two_ae_titles_is_two_payloads(tmp_path: Path) -> None:
    spool = Scene(tmp_path, ApplicationEntitySettings(ae_title="ONE"), ApplicationEntitySettings(ae_title="TWO"))
    for called_ae in ("ONE", "TWO"):
        sender = spool.associate(called_ae=called_ae)
        sender.send()
        sender.end()
    assert {p.instances[0].origin.destination for p in spool.pass_time(5)} == {"ONE", "TWO"}


@pytest.mark.parametrize(("by_source", "payloads"), [(False, 1), (True, 2)])
def test_two_scanners_share_a_study_unless_the_ae_groups_by_source(
    scene: MakeScene, *, by_source: bool, payloads: int
) -> None:
    spool = scene(group_by_source=by_source)
    for calling_ae in ("CT01", "CT02"):
        sender = spool.associate(calling_ae)
        sender.send(sop=f"1.2.{calling_ae[-1]}")
        sender.end()
    assert len(spool.pass_time(5)) == payloads


def test_a_slow_sender_keeps_its_study_in_one_piece(scene: MakeScene) -> None:
    spool = scene(timeout_seconds=5, hold_seconds=30)
    sender = spool.associate()
    for number in range(4):
        sender.send(sop=f"1.2.3.{number}")
        assert spool.pass_time(20) == []
    sender.end()
    (payload,) = spool.pass_time(5)
    assert len(payload.instances) == 4


def test_an_open_association_that_sends_nothing_holds_its_groups_no_longer_than_hold_seconds(scene: MakeScene) -> None:
    spool = scene(timeout_seconds=5, hold_seconds=30)
    spool.associate().send()
    assert spool.pass_time(29.9) == []
    assert len(spool.pass_time(0.1)) == 1


def test_another_study_of_the_same_association_holds_the_first_too(scene: MakeScene) -> None:
    spool = scene(timeout_seconds=5, hold_seconds=30)
    sender = spool.associate()
    sender.send("1.1", "1.1.1", "1.1.1.1")
    spool.pass_time(20)
    sender.send("1.2", "1.2.1", "1.2.1.1")
    assert spool.pass_time(20) == []


def test_an_instance_in_hand_keeps_its_group_open_whatever_the_time(scene: MakeScene) -> None:
    spool = scene(timeout_seconds=5, hold_seconds=30)
    sender = spool.associate()
    with sender.begin() as reception:
        reception.write(memoryview(data_set()))
        assert spool.pass_time(300) == []
        reception.commit()
    sender.end()
    assert len(spool.pass_time(5)) == 1


def test_a_group_is_open_no_longer_than_max_open_seconds(scene: MakeScene) -> None:
    spool = scene(timeout_seconds=5, max_open_seconds=60)
    sender = spool.associate()
    closed = []
    for number in range(10):
        sender.send(sop=f"1.2.3.{number}")
        closed += spool.pass_time(10)
    assert [payload.closed_by for payload in closed] == ["max_open_seconds"]
    assert len(closed[0].instances) == 6


def test_what_was_answered_does_not_wait_for_an_instance_that_trickles(scene: MakeScene) -> None:
    """It opens the successor, which is held by its sender as any other."""
    spool = scene(timeout_seconds=5, hold_seconds=30, max_open_seconds=60)
    sender = spool.associate()
    for number in range(3):
        sender.send(sop=f"1.2.3.{number}")
    with sender.begin("1.2.3.9") as reception:
        reception.write(memoryview(data_set(sop="1.2.3.9")))
        assert spool.pass_time(59) == []
        assert spool.intake._groups.next_due(spool.clock.monotonic()) == spool.clock.monotonic() + 1
        (closed,) = spool.pass_time(1)
        assert (len(closed.instances), closed.closed_by) == (3, "max_open_seconds")
        sender.intake.heard()
        last = reception.commit()
    assert spool.pass_time(29) == []
    sender.end()
    (rest,) = spool.pass_time(5)
    assert ([each.file for each in rest.instances], rest.supplements) == ([last.file], closed.payload_id)


def test_what_is_on_its_way_when_its_group_closes_joins_the_successor_that_there_is(scene: MakeScene) -> None:
    spool = scene(max_instances=2, max_open_seconds=60)
    slow, quick = spool.associate(), spool.associate()
    with slow.begin("1.2.3.1") as reception:
        reception.write(memoryview(data_set(sop="1.2.3.1")))
        quick.send(sop="1.2.3.2")
        assert spool.pass_time(59) == []
        quick.send(sop="1.2.3.3")
        (full,) = spool.pass_time(1)
        assert (len(full.instances), full.closed_by) == (1, "max_instances")
        reception.commit()
    (rest,) = spool.pass_time(0)
    assert (len(rest.instances), rest.closed_by) == (2, "max_instances")


def test_a_group_with_nothing_but_an_instance_that_trickles_waits_for_it(scene: MakeScene) -> None:
    spool = scene(max_open_seconds=60)
    with spool.associate().begin() as reception:
        reception.write(memoryview(data_set()))
        assert spool.pass_time(61) == []
        assert spool.intake._groups.next_due(spool.clock.monotonic()) is None
        reception.commit()
    (closed,) = spool.pass_time(0)
    assert (len(closed.instances), closed.closed_by) == (1, "max_open_seconds")


def test_what_never_came_whole_leaves_no_successor_behind(scene: MakeScene) -> None:
    spool = scene(max_open_seconds=60)
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    with sender.begin("1.2.3.2") as reception:
        reception.write(memoryview(data_set(sop="1.2.3.2")))
        assert len(spool.pass_time(60)) == 1
    assert spool.intake.open_groups() == []


def test_an_instance_whose_file_names_a_payload_is_of_that_payload(tmp_path: Path) -> None:
    """The group is too old while the file is being flushed: it closes a moment later, with that instance."""
    flushing = LookingAtTheGroups()
    spool = Scene(tmp_path, ApplicationEntitySettings(ae_title="MIG", max_open_seconds=60), flushing=flushing)
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    flushing.meanwhile = lambda: spool.pass_time(60)
    sender.send(sop="1.2.3.2")
    assert flushing.closed == []
    (closed,) = spool.pass_time(0)
    assert len(closed.instances) == 2


class LookingAtTheGroups(Flushing):
    """Flushing, while somebody else looks which groups are due."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], list[Payload]] = list
        self.closed: list[Payload] = []

    def flush_file(self, descriptor: int) -> None:
        meanwhile, self.meanwhile = self.meanwhile, list
        self.closed += meanwhile()

    def flush_directory(self, directory: Path) -> None:
        Durability.OS.flush_directory(directory)

    def begin_write_back(self, descriptor: int, start: int, count: int) -> None:
        Durability.OS.begin_write_back(descriptor, start, count)

    def flush_file_system(self, directory: Path) -> None:
        Durability.OS.flush_file_system(directory)


def test_a_full_group_closes_and_the_next_instance_opens_its_successor(scene: MakeScene) -> None:
    spool = scene(max_instances=3)
    sender = spool.associate()
    for number in range(5):
        sender.send(sop=f"1.2.3.{number}")
    (full,) = spool.pass_time(0)
    assert (len(full.instances), full.closed_by) == (3, "max_instances")
    sender.end()
    (rest,) = spool.pass_time(5)
    assert (len(rest.instances), rest.supplements) == (2, full.payload_id)


def test_a_group_over_max_bytes_closes(scene: MakeScene) -> None:
    spool = scene(max_bytes=1000)
    sender = spool.associate()
    for number in range(3):
        sender.send(sop=f"1.2.3.{number}")
    (full,) = spool.pass_time(0)
    assert full.closed_by == "max_bytes"
    assert full.bytes >= 1000


def test_an_operator_closes_a_group_that_its_sender_holds_and_the_next_instance_opens_its_successor(
    scene: MakeScene,
) -> None:
    spool = scene()
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    (group,) = spool.intake.open_groups()
    spool.area.ask_to_close(group.payload_id)
    (closed,) = spool.pass_time(0)
    assert (closed.payload_id, closed.closed_by, len(closed.instances)) == (group.payload_id, "operator", 1)
    sender.send(sop="1.2.3.2")
    sender.end()
    (rest,) = spool.pass_time(5)
    assert (rest.closed_by, rest.supplements) == ("quiet", closed.payload_id)
    assert spool.area.asked_to_close() == []


def test_what_an_operator_closes_waits_for_what_is_in_hand(scene: MakeScene) -> None:
    spool = scene()
    sender = spool.associate()
    with sender.begin() as reception:
        reception.write(memoryview(data_set()))
        spool.area.ask_to_close(reception.payload_id)
        assert spool.pass_time(1) == []
        reception.commit()
    (closed,) = spool.pass_time(0)
    assert (closed.closed_by, len(closed.instances)) == ("operator", 1)


def test_a_group_that_is_gone_is_not_asked_for_any_more(scene: MakeScene) -> None:
    spool = scene()
    spool.area.ask_to_close(uuid4())
    assert spool.pass_time(0) == []
    assert spool.area.asked_to_close() == []


def test_a_full_group_waits_for_what_is_in_hand(scene: MakeScene) -> None:
    spool = scene(max_instances=2)
    slow, quick = spool.associate(), spool.associate()
    with slow.begin("1.2.3.1") as reception:
        reception.write(memoryview(data_set(sop="1.2.3.1")))
        quick.send(sop="1.2.3.2")
        quick.send(sop="1.2.3.3")
        assert spool.pass_time(1) == []
        reception.commit()
    assert [len(payload.instances) for payload in spool.pass_time(0)] == [2]


def test_a_late_image_names_the_payload_that_it_supplements(scene: MakeScene) -> None:
    spool = scene()
    first = spool.associate()
    first.send(sop="1.2.3.1")
    first.end()
    (payload,) = spool.pass_time(5)
    spool.restart()
    late = spool.associate()
    late.send(sop="1.2.3.2")
    late.end()
    (supplement,) = spool.pass_time(5)
    assert (payload.supplements, supplement.supplements) == (None, payload.payload_id)


def test_the_same_bytes_sent_twice_are_one_instance(scene: MakeScene) -> None:
    spool = scene()
    sender = spool.associate()
    sender.send()
    spool.pass_time(1)
    later = sender.send()
    sender.end()
    (payload,) = spool.pass_time(5)
    assert [i.file for i in payload.instances] == [later.file]
    assert [s.identical for s in payload.superseded] == [True]
    assert spool.intake.superseded_with_other_bytes == 0


def test_of_two_instances_with_one_uid_and_other_bytes_the_later_stands_and_is_counted(scene: MakeScene) -> None:
    spool = scene()
    sender = spool.associate()
    sender.send(patient="P1")
    spool.pass_time(1)
    later = sender.send(patient="P2")
    sender.end()
    (payload,) = spool.pass_time(5)
    assert [i.crc32c for i in payload.instances] == [later.crc32c]
    assert [s.identical for s in payload.superseded] == [False]
    assert spool.intake.superseded_with_other_bytes == 1


def test_an_association_that_failed_before_its_first_whole_instance_makes_no_payload(scene: MakeScene) -> None:
    spool = scene()
    sender = spool.associate()
    with sender.begin() as reception:
        reception.write(memoryview(data_set())[:200])
    sender.end()
    assert spool.pass_time(3600) == []
    assert list(spool.area.incoming.iterdir()) == []


def test_the_closing_thread_need_not_look_before_a_group_can_be_due(scene: MakeScene) -> None:
    spool = scene(timeout_seconds=5)
    sender = spool.associate()
    assert spool.intake._groups.next_due(spool.clock.monotonic()) is None
    sender.send()
    sender.end()
    due = spool.intake._groups.next_due(spool.clock.monotonic())
    assert due == spool.clock.monotonic() + 5
