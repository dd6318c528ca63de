"""Beside the receiver: names are looked up, refusals joined, and what can't be written waits in bounded memory."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.associations.journal import Journal
from gateway.associations.keeper import MOST_WAITING, AssociationKeeper
from gateway.associations.record import AssociationRecord, ContextRecord, ContextResult, Outcome
from gateway.associations.refusals import MOST_KINDS
from tests.clock import MovableClock
from tests.gateway.associations.records import CT, EXPLICIT_LITTLE, MWL, rejected, still_open, stored
from tests.waiting import wait_until


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "associations")


def kept(journal: Journal, records: Iterable[AssociationRecord]) -> list[AssociationRecord]:
    """What stands in the journal once these were noted."""
    with AssociationKeeper(journal).running() as keeper:
        for record in records:
            keeper.note(record)
    return in_journal(journal)


def in_journal(journal: Journal) -> list[AssociationRecord]:
    found: dict[object, AssociationRecord] = {}
    while segment := journal.take():
        found |= {record.association_id: record for record in segment.records}
        journal.remove(segment)
    return list(found.values())


def test_what_is_noted_is_written_while_the_receiver_goes_on(journal: Journal) -> None:
    with AssociationKeeper(journal).running() as keeper:
        for _ in range(3):
            keeper.note(stored())
            assert wait_until(lambda: in_journal(journal), 10, "the association to be written")


def test_refused_contexts_are_named(journal: Journal) -> None:
    accepted = ContextRecord(CT, ContextResult.ACCEPTED, EXPLICIT_LITTLE)
    refused = ContextRecord(MWL, ContextResult.NO_ABSTRACT_SYNTAX)
    (record,) = kept(journal, [stored(contexts=(accepted, refused))])
    worklist = "Modality Worklist Information Model - FIND"
    assert record.reason == f"not served here: {worklist}"
    assert [context.name for context in record.contexts] == [worklist, "CT Image Storage"]


def test_a_thousand_refusals_of_one_peer_within_a_minute_are_one_record_with_a_count(journal: Journal) -> None:
    refusals = [rejected(number * 0.05) for number in range(1000)]
    (record,) = kept(journal, refusals)
    assert (record.times, record.association_id) == (1000, refusals[0].association_id)
    assert (record.began_ns, record.ended_ns) == (refusals[0].began_ns, refusals[-1].ended_ns)


def test_the_next_minute_has_a_record_of_its_own(journal: Journal) -> None:
    records = kept(journal, [rejected(number) for number in range(130)])
    assert [record.times for record in records] == [60, 60, 10]


def test_another_reason_or_peer_has_a_record_of_its_own(journal: Journal) -> None:
    others = [rejected(called_ae="MIGG"), rejected(reason="no room"), rejected(address="10.1.0.98")]
    assert len(kept(journal, [rejected(), *others])) == 4


def test_titles_made_up_at_random_are_no_way_around_that(journal: Journal) -> None:
    records = kept(journal, [rejected(number * 0.01, calling_ae=f"AE{number}") for number in range(1000)])
    assert len(records) == MOST_KINDS + 1
    assert sum(record.times for record in records) == 1000
    assert records[-1].reason == "refused for other titles or reasons as well: the log has each"


def test_who_is_served_is_never_joined(journal: Journal) -> None:
    assert len(kept(journal, [stored() for _ in range(5)])) == 5


def test_while_the_disk_takes_nothing_the_newest_wait_in_bounded_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "associations")
    journal.directory.write_text("a file stands where the directory should")
    records = [stored(number) for number in range(3 * MOST_WAITING)]
    with capture_logs() as logs, AssociationKeeper(journal).running() as keeper:
        for record in records:
            keeper.note(record)
        wait_until(lambda: logs, 10, "the trouble to be said")
        journal.directory.unlink()
    newest = [record.association_id for record in records[-MOST_WAITING:]]
    assert [record.association_id for record in in_journal(journal)] == newest
    assert [log["event"] for log in logs] == [
        "associations can't be noted: the newest wait in memory",
        "associations are kept again",
    ]
    assert logs[-1]["lost"] == 2 * MOST_WAITING


def test_that_the_journal_is_full_is_said_once_and_the_loss_is_counted(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.associations.journal.SEGMENT_BYTES", 10_000)
    keeper = AssociationKeeper(journal)
    with capture_logs() as logs:
        for number in range(400):
            keeper.note(stored(number))
            keeper._step()
        assert [log["event"] for log in logs] == [
            "associations are not taken into the database: the newest stay in the journal"
        ]
        left = len(in_journal(journal))
        keeper.note(stored())
        keeper._step()
    assert (logs[-1]["event"], logs[-1]["lost"]) == ("associations are kept again", 400 - left)


def test_one_that_is_open_is_told_of_within_a_second_and_once_a_second_as_it_goes_on(journal: Journal) -> None:
    clock, record = MovableClock(), still_open()
    keeper = AssociationKeeper(journal, clock)
    states = iter([record, replace(record, stored=4)])
    keeper.opened(record.association_id, lambda: next(states))
    for seconds, told in [(0.9, []), (0.1, [3]), (0.9, [3]), (0.1, [4])]:
        clock.move(seconds)
        keeper._step()
        assert [each.stored for each in journal.open_now()] == told


def test_one_that_begins_and_ends_within_a_second_is_written_once(journal: Journal) -> None:
    clock, ended = MovableClock(), stored()
    keeper = AssociationKeeper(journal, clock)
    keeper._step()
    keeper.opened(ended.association_id, lambda: pytest.fail("it is asked how far it is"))
    keeper._step()
    keeper.note(ended)
    clock.move(1)
    keeper._step()
    assert not (journal.directory / "open-v1.jsonl").exists()
    assert [record.outcome for record in in_journal(journal)] == [Outcome.RELEASED]


def test_what_has_ended_is_in_the_journal_before_it_is_open_no_longer(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the journal takes nothing it stays in that file: a receiver that is killed then tells of it."""
    clock, record = MovableClock(), still_open()
    keeper = AssociationKeeper(journal, clock)
    keeper.opened(record.association_id, lambda: record)
    clock.move(1)
    keeper._step()
    monkeypatch.setattr("gateway.associations.journal._LOCK_SECONDS", 0.01)
    keeper.note(replace(record, outcome=Outcome.RELEASED))
    with journal._locked():
        clock.move(1)
        keeper._step()
    assert [each.association_id for each in journal.open_now()] == [record.association_id]
    clock.move(6)
    keeper._step()
    assert journal.open_now() == []
    assert [each.outcome for each in in_journal(journal)] == [Outcome.RELEASED]


def test_those_that_a_receiver_left_open_are_cut_when_the_next_begins(journal: Journal) -> None:
    left = [still_open(), still_open(reason="not served here: Modality Worklist")]
    journal.write_open(left)
    assert kept(journal, []) == [
        replace(left[0], outcome=Outcome.CUT, reason="the receiver ended"),
        replace(left[1], outcome=Outcome.CUT, reason="the receiver ended; not served here: Modality Worklist"),
    ]
    assert journal.open_now() == []


def test_the_contexts_of_one_that_is_open_are_named(journal: Journal) -> None:
    refused = ContextRecord(MWL, ContextResult.NO_ABSTRACT_SYNTAX)
    record = still_open(contexts=(ContextRecord(CT, ContextResult.ACCEPTED, EXPLICIT_LITTLE), refused))
    with AssociationKeeper(journal).running() as keeper:
        keeper.opened(record.association_id, lambda: record)
        (told,) = wait_until(journal.open_now, 10, "it to be told of")
        keeper.note(record)
    assert told.reason == "not served here: Modality Worklist Information Model - FIND"
    assert [context.name for context in told.contexts][1:] == ["CT Image Storage"]
