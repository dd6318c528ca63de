"""Beside the receiver: names are looked up, refusals joined, and what can't be written waits in bounded memory."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.associations.journal import Journal
from gateway.associations.keeper import MOST_WAITING, AssociationKeeper
from gateway.associations.record import AssociationRecord, ContextRecord, ContextResult
from gateway.associations.refusals import MOST_KINDS
from tests.gateway.associations.records import CT, EXPLICIT_LITTLE, MWL, rejected, stored
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
