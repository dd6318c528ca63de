"""Files on their way at once: as many as the peer grants, whatever the order of its answers (PS3.7 section D.3.3.3)."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome
from gateway.dimse.peer import Peer, Timeouts
from gateway.errors import PeerUnavailable
from tests.gateway.dimse.raw_pacs import Association, Manners, answering, raw_pacs
from tests.gateway.dimse.sending import send
from tests.gateway.part10_files import write_files
from tests.listeners.scp.receiver import receiving

FULL = 0xA700


@pytest.fixture
def files(tmp_path: Path) -> list[Part10File]:
    return write_files(tmp_path, 10)


def names(*numbers: int) -> list[str]:
    return [f"1.2.3.{number}" for number in numbers]


class Holding:
    """Answers when `count` requests are open, the last first. `went_on`: whether one more came than that."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.open: list[int] = []
        self.went_on = False

    def answer(self, association: Association, number: int) -> None:
        self.open.append(association.message_id)
        if len(self.open) < self.count:
            return
        self.went_on = self.went_on or association.more_waits
        while self.open:
            association.answer(0, message_id=self.open.pop())


@pytest.mark.parametrize(("granted", "at_once"), [(None, 1), (1, 1), (2, 2), (5, 5), (64, 5), (0, 5)])
def test_as_many_are_on_their_way_as_the_peer_grants_and_we_want(
    files: list[Part10File], granted: int | None, at_once: int
) -> None:
    """Ten files, five at once at most: a peer that waits for so many, and would see one more, gets them all."""
    holding = Holding(at_once)
    with raw_pacs(Manners(operations=granted, answer=holding.answer)) as pacs:
        sending = send(pacs.peer, files, at_once=5)
    assert (sending.error, set(sending.kinds)) == (None, {Outcome.STORED})
    assert (len(sending.outcomes), pacs.names) == (10, names(*range(1, 11)))
    assert not holding.went_on


def test_answers_in_another_order_reach_their_files(files: list[Part10File]) -> None:
    def answer(association: Association, number: int) -> None:
        if number == 3:
            for message_id, status in ((2, 0xC000), (3, 0), (1, FULL)):
                association.answer(status, message_id=message_id)

    with raw_pacs(Manners(operations=3, answer=answer)) as pacs:
        sending = send(pacs.peer, files[:3], at_once=3)
    kinds = {name: outcome.outcome for name, outcome in sending.outcomes.items()}
    assert kinds == dict(zip(names(2, 3, 1), (Outcome.FINAL, Outcome.STORED, Outcome.TRANSIENT), strict=True))


def test_whatever_was_on_its_way_when_the_association_broke_is_sent_again(files: list[Part10File]) -> None:
    def answer(association: Association, number: int) -> None:
        if number == 4:
            association.answer(0, message_id=2)
            association.abort(reason=6)

    with raw_pacs(Manners(operations=4, answer=answer)) as pacs:
        sending = send(pacs.peer, files, at_once=4)
    assert isinstance(sending.error, PeerUnavailable)
    assert "the peer aborted: invalid PDU parameter value" in str(sending.error)
    assert sending.stored == names(2)
    assert set(sending.outcomes) >= set(names(1, 3, 4))
    assert set(sending.outcomes) <= set(names(1, 2, 3, 4, 5)), "files that were never sent are no suspects"


def test_an_answer_twice_breaks_the_rules(files: list[Part10File]) -> None:
    def answer(association: Association, number: int) -> None:
        association.answer(0, message_id=1)

    with raw_pacs(Manners(operations=2, answer=answer)) as pacs:
        sending = send(pacs.peer, files, at_once=2)
    assert str(sending.error) == f"{pacs.peer} broke the rules of DICOM: message 1 was answered, which is not open"
    assert sending.stored == names(1)


def test_a_stop_waits_for_the_answers_to_what_is_on_its_way(files: list[Part10File]) -> None:
    stopping, holding = threading.Event(), Holding(3)

    def answer(association: Association, number: int) -> None:
        if number == 3:
            stopping.set()
        holding.answer(association, number)

    with raw_pacs(Manners(operations=3, answer=answer)) as pacs:
        sending = send(pacs.peer, files, stopping=stopping, at_once=3)
    assert (sending.error, pacs.endings) == (None, ["released"])
    assert sorted(sending.stored) == sorted(pacs.names) == names(1, 2, 3)


def test_a_full_archive_is_left_alone_when_all_that_was_on_its_way_is_answered(files: list[Part10File]) -> None:
    manners = answering(*[FULL] * 10)
    manners.operations = 4
    with raw_pacs(manners) as pacs:
        sending = send(pacs.peer, files, at_once=4)
    assert str(sending.error) == f"{pacs.peer} can't store now: out of resources (A700)"
    assert pacs.endings == ["released"]
    assert list(sending.outcomes) == pacs.names == names(*range(1, len(pacs.names) + 1))
    assert 3 <= len(pacs.names) <= 6, "the third answer ends it, with three behind at most"


@pytest.mark.parametrize("ending", [Association.reset, Association.abort, Association.close])
def test_what_was_answered_before_the_association_broke_is_stored(
    tmp_path: Path, ending: Callable[[Association], None]
) -> None:
    """A peer that breaks off at the fifth file each time gets twelve files in three tries."""
    left = write_files(tmp_path, 12, pixels=bytes(3_000_000))

    def answer(association: Association, number: int) -> None:
        if number == 5:
            ending(association)
        association.answer(0)

    with raw_pacs(Manners(operations=8, answer=answer)) as pacs:
        for stored in (4, 4, 4):
            sending = send(pacs.peer, left, at_once=8)
            left = [file for file in left if file.sop_instance_uid not in sending.stored]
            assert len(sending.stored) == stored
    assert sending.error is None


def test_a_file_that_is_never_answered_ends_it_though_others_are(tmp_path: Path) -> None:
    files = write_files(tmp_path, 200)

    def answer(association: Association, number: int) -> None:
        if number > 1:
            association.pacs.ending.wait(0.05)
            association.answer(0)

    with raw_pacs(Manners(operations=2, answer=answer)) as pacs:
        sending = send(pacs.peer, files, Timeouts(answer_seconds=0.5), at_once=2)
    assert isinstance(sending.error, PeerUnavailable)
    assert sending.outcomes["1.2.3.1"].outcome is Outcome.TRANSIENT
    assert 0 < len(sending.stored) < 150


def test_our_own_receiver_grants_a_window_and_keeps_everything(tmp_path: Path, files: list[Part10File]) -> None:
    with receiving(tmp_path / "receiver") as receiver:
        sending = send(Peer("127.0.0.1", receiver.port, "MIG", "CT01"), files, at_once=8)
        assert (sending.error, sending.stored) == (None, names(*range(1, 11)))
        assert len(receiver.stored()) == 10
