"""When a payload was stored, from the run that has stored it over the spool into the index."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.database.totals import Series, read_totals
from gateway.payloads.index import PayloadIndex, opened_payload_index
from gateway.spool.area import scp_area
from gateway.spool.lease import take
from gateway.spool.node import read_node
from gateway.spool.work import PayloadWork
from tests.deployments.payloads import made_payload, put_into_ready

STORED = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
ANNOUNCED = STORED + timedelta(seconds=3)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PayloadIndex]:
    with opened_payload_index(f"sqlite:///{tmp_path}/gateway.db") as index:
        yield index


@pytest.fixture
def work(tmp_path: Path, index: PayloadIndex) -> PayloadWork:
    return PayloadWork(index, scp_area(tmp_path / "spool"), read_node(tmp_path / "spool"))


def stored_one(work: PayloadWork) -> UUID:
    payload_id = put_into_ready(work.area, made_payload(work.node.node_id))
    work.area.note_uploaded(payload_id, STORED)
    return payload_id


def test_it_is_kept_with_the_payload_when_that_is_announced(work: PayloadWork, index: PayloadIndex) -> None:
    payload_id = stored_one(work)
    work.refresh(STORED)
    assert work.area.uploaded(payload_id) == STORED
    work.area.finish(payload_id)
    work.area.remove(work.area.read(payload_id))  # as the run does, before the dispatcher looks
    work.refresh(ANNOUNCED)
    row = index.row(payload_id)
    assert row
    assert (row.uploaded, row.announced) == (STORED, ANNOUNCED)
    assert work.area.uploaded_ids() == []


def test_its_phases_are_counted_and_how_long_it_waited_for_its_run(work: PayloadWork, index: PayloadIndex) -> None:
    closed = made_payload(work.node.node_id).closed + timedelta(seconds=6)
    payload = made_payload(work.node.node_id).model_copy(update={"closed": closed})
    payload_id = put_into_ready(work.area, payload)
    work.refresh(closed)
    index.work.note_run(payload_id, 1, uuid4(), closed + timedelta(seconds=0.2))
    taken_at(work, payload_id, closed + timedelta(seconds=0.7))
    work.area.note_uploaded(payload_id, closed + timedelta(seconds=4))
    work.area.finish(payload_id)
    for _ in range(2):
        work.refresh(closed + timedelta(seconds=4.5))
    found = read_totals(index.work.engine, work.node.node_id)
    sums = {(name, label): seconds for (name, (label, bound)), seconds in found.items() if bound == "sum"}
    assert sums == {
        ("payload_phase_seconds", "quiet"): 6,
        ("payload_phase_seconds", "storing"): 4,
        ("payload_phase_seconds", "announcing"): pytest.approx(0.5),
        ("run_asked_seconds", "payload"): pytest.approx(0.2),
        ("run_began_seconds", "payload"): pytest.approx(0.7),
    }
    assert found[Series("run_began_seconds", ("payload", "1.0"))] == 1
    assert found[Series("work_ended", ("payload", "announced"))] == 1


def test_how_long_it_waited_for_its_run_is_not_guessed_where_more_than_one_has_taken_it(work: PayloadWork) -> None:
    payload_id = put_into_ready(work.area, made_payload(work.node.node_id))
    for _ in range(2):
        taken_at(work, payload_id, STORED)
    work.area.note_uploaded(payload_id, STORED)
    assert (work.area.uploaded(payload_id), work.area.run_began(payload_id)) == (STORED, None)


def taken_at(work: PayloadWork, payload_id: UUID, at: datetime) -> None:
    file = work.area.lease_file(payload_id)
    take(file, payload_id)
    os.utime(file, (at.timestamp(), at.timestamp()))


def test_the_first_time_stands_where_it_is_stored_once_more(work: PayloadWork) -> None:
    payload_id = stored_one(work)
    work.area.note_uploaded(payload_id, ANNOUNCED)
    assert work.area.uploaded(payload_id) == STORED


def test_nothing_stays_of_payloads_that_a_lost_index_had(work: PayloadWork) -> None:
    gone, there = stored_one(work), stored_one(work)
    work.area.finish(gone)
    work.area.remove(work.area.read(gone))
    work.refresh(ANNOUNCED)
    assert work.area.uploaded_ids() == [there]
