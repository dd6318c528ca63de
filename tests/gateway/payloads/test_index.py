"""The index of received payloads, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from gateway.database import open_database
from gateway.errors import DatabaseUnavailable, SettingsError
from gateway.payloads.index import Dispatch, PayloadIndex, opened_payload_index
from tests.deployments.payloads import made_payload
from tests.peers.postgresql import PostgreSQL

NODE = uuid4()
NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/gateway.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.url(server.new_database(), "psycopg")


@pytest.fixture
def index(url: str) -> Iterator[PayloadIndex]:
    with opened_payload_index(url) as index:
        yield index


def test_a_recorded_payload_is_read_back_as_it_was(index: PayloadIndex) -> None:
    payload = made_payload(NODE, instances=3)
    row = index.record(payload)
    assert index.row(payload.payload_id) == row
    assert (row.called_ae, row.calling_ae, row.instances, row.bytes) == ("MIG", "CT01", 3, 3 * 525_000)
    assert (row.closed, row.state, row.attempt, row.flow_run_id) == (payload.closed, Dispatch.RECORDED, 1, None)


def test_a_payload_recorded_again_keeps_what_is_known_of_it(index: PayloadIndex) -> None:
    payload, run_id = made_payload(NODE), uuid4()
    index.record(payload)
    index.work.note_run(payload.payload_id, 2, run_id)
    row = index.record(payload)
    assert (row.attempt, row.flow_run_id, row.state) == (2, run_id, Dispatch.DISPATCHED)


def test_an_announced_payload_is_no_longer_open(index: PayloadIndex) -> None:
    ours, announced, elsewhere = made_payload(NODE), made_payload(NODE), made_payload(uuid4())
    for payload in (ours, announced, elsewhere):
        index.record(payload)
    index.note_announced(announced.payload_id, NOW)
    assert [row.payload_id for row in index.open_rows(NODE)] == [ours.payload_id]
    row = index.row(announced.payload_id)
    assert row
    assert (row.state, row.announced) == (Dispatch.ANNOUNCED, NOW)


def test_the_newest_payloads_come_first_page_by_page(index: PayloadIndex) -> None:
    payloads = [made_payload(NODE).model_copy(update={"closed": NOW + timedelta(hours=n)}) for n in range(5)]
    for payload in payloads:
        index.record(payload)
    index.note_announced(payloads[4].payload_id, NOW)
    newest = [payload.payload_id for payload in reversed(payloads)]
    assert [row.payload_id for row in index.newest(2)] == newest[:2]
    assert [row.payload_id for row in index.newest(2, offset=2)] == newest[2:4]
    assert [row.payload_id for row in index.newest(9, announced=False)] == newest[1:]
    assert [row.payload_id for row in index.newest(9, announced=True)] == newest[:1]


def test_a_payload_is_found_by_the_beginning_of_its_id(index: PayloadIndex) -> None:
    payload = made_payload(NODE)
    index.record(payload)
    index.record(made_payload(NODE))
    for beginning in (str(payload.payload_id), str(payload.payload_id)[:10], payload.payload_id.hex[:12].upper()):
        assert [row.payload_id for row in index.matching(beginning)] == [payload.payload_id]
    assert index.matching("%") == []
    assert len(index.matching("")) == 2


def test_a_commit_survives_a_power_cut(url: str) -> None:
    engine = open_database(url)
    question = "PRAGMA synchronous" if url.startswith("sqlite") else "SHOW synchronous_commit"
    with engine.connect() as connection:
        assert connection.execute(text(question)).scalar_one() in {2, "on"}
    engine.dispose()


def test_a_database_that_does_not_answer_may_be_tried_again() -> None:
    index = PayloadIndex(open_database("postgresql+psycopg://nobody:secret@127.0.0.1:9/none"))
    with pytest.raises(DatabaseUnavailable) as caught:
        index.newest(1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "gateway.db", "oracle://host/db", "nonsense://host"])
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match=r"database\.url"):
        open_database(url)
