"""Between receiver and dispatcher nothing is lost but what there is no room for, and then the oldest."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.associations.journal import MOST_SEGMENTS, Journal
from gateway.associations.record import AssociationRecord
from tests.gateway.associations.records import rejected, still_open, stored


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "associations")


def take_all(journal: Journal) -> list[AssociationRecord]:
    found: list[AssociationRecord] = []
    while segment := journal.take():
        found += segment.records
        journal.remove(segment)
    return found


def test_what_is_appended_is_taken_in_its_order(journal: Journal) -> None:
    records = [stored(), rejected(), stored()]
    journal.append(records[:1])
    journal.append(records[1:])
    assert take_all(journal) == records
    assert take_all(journal) == []


def test_who_only_asks_makes_nothing(journal: Journal) -> None:
    assert journal.take() is None
    assert not journal.directory.exists()


def test_what_was_taken_and_not_removed_is_taken_again(journal: Journal) -> None:
    """As after a crash between the two; the receiver goes on meanwhile."""
    first, second = stored(), stored()
    journal.append([first])
    assert journal.take()
    journal.append([second])
    assert take_all(journal) == [first, second]


def test_who_writes_and_who_takes_are_not_in_each_others_way(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.associations.journal.SEGMENT_BYTES", 20_000)
    records, found = [rejected(number) for number in range(300)], list[AssociationRecord]()
    with ThreadPoolExecutor(1) as receiver:
        written = [receiver.submit(journal.append, [record]) for record in records]
        while not written[-1].done():
            found += take_all(journal)
    found += take_all(journal)
    assert found == records


def test_while_nobody_takes_any_the_newest_stay(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.associations.journal.SEGMENT_BYTES", 2_000)
    records = [rejected(number) for number in range(200)]
    appended = [journal.append([record]) for record in records]
    kept = take_all(journal)
    lost = sum(each.lost for each in appended)
    assert kept == records[lost:]
    assert 0 < len(kept) < len(records)
    assert (appended[0].is_full, appended[-1].is_full) == (False, True)
    assert len(list(journal.directory.glob("v1-*"))) <= MOST_SEGMENTS


def test_a_line_that_its_writer_could_not_end_costs_that_line_alone(journal: Journal) -> None:
    journal.append([stored()])
    (file,) = journal.directory.glob("v1-*")
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:50] + b"\n")
    with capture_logs() as logs:
        assert len(take_all(journal)) == 1
    assert [(log["event"], log["lines"]) for log in logs] == [("records of associations can't be read", 1)]


def test_what_a_newer_program_has_written_is_left_to_it(journal: Journal) -> None:
    journal.append([stored()])
    newer = journal.directory / "v2-000000000001.jsonl"
    newer.write_text("?\n")
    assert len(take_all(journal)) == 1
    assert newer.exists()


def test_those_that_are_open_stand_beside_it_and_take_the_place_of_those_before(journal: Journal) -> None:
    assert journal.open_now() == []
    journal.write_open([still_open(), still_open()])
    journal.write_open(now := [still_open()])
    assert journal.open_now() == now
    assert take_all(journal) == []
    journal.write_open([])
    assert journal.open_now() == []
