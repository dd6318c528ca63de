"""What the upgrades make of the rows of earlier versions."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from gateway.database import open_database
from gateway.exports.tables import exports
from gateway.inference.identity import payload_id, request_id
from gateway.inference.tables import requests
from gateway.payloads.index import PayloadIndex
from gateway.payloads.rows import Dispatch
from gateway.payloads.studies import PayloadStudy
from gateway.work.commands import operator_commands
from gateway.work.waiting import waits
from tests.fixtures.kept import Kept, every_version

pytestmark = every_version


@pytest.fixture
def engine(kept: Kept, url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def task_of(engine: Engine, export_id: UUID) -> str:
    wanted = select(exports.c.export_task_id).where(exports.c.export_id == export_id)
    with engine.connect() as connection:
        return str(connection.execute(wanted).scalar_one())


def transaction_of(engine: Engine, request_id: UUID) -> str:
    wanted = select(requests.c.transaction_id).where(requests.c.request_id == request_id)
    with engine.connect() as connection:
        return str(connection.execute(wanted).scalar_one())


def test_what_work_waited_for_it_waits_for(kept: Kept, engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.execute(select(waits)).all()
    names = {"export": task_of, "request": transaction_of}
    found = {(names[row.kind](engine, row.work_id), row.dependency, row.name) for row in rows}
    assert {
        ("half", "destination", "vna"),
        ("waiting", "destination", "vna"),
        ("cancelled", "destination", "vna"),
        ("T-half", "source", ""),
    } <= found
    assert all(row.next_try and row.reason for row in rows)


def test_what_operators_had_asked_for_is_asked_for(kept: Kept, engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.execute(select(operator_commands)).all()
    found = {(task_of(engine, row.work_id), row.command) for row in rows}
    assert found == {("failed", "retry"), ("cancelled", "cancel")}
    assert all(row.done is None and row.asked for row in rows)


def test_what_a_completed_request_became_stands_among_the_payloads(kept: Kept, engine: Engine) -> None:
    index, request = PayloadIndex(engine), request_id("T-done")
    row = index.row(payload_id(request))
    assert row
    assert (row.state, row.request_id, row.closed_by, row.called_ae) == (
        Dispatch.ANNOUNCED,
        request,
        "retrieved",
        "ACR-DSI",
    )
    assert (row.instances, row.resources, row.partial, row.lookup_key) == (2, 0, False, None)
    assert row.opened <= row.last_received <= row.closed <= row.uploaded <= row.announced  # type: ignore[operator]
    assert row.flow_run_id
    assert index.studies([row.payload_id])[row.payload_id] == (PayloadStudy("1.2.3.2001", 1, 2, "CT"),)
    assert [each.request_id for each in index.newest(100)].count(request) == 1
