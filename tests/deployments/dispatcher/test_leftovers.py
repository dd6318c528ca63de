"""Working areas that nobody needs any more."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from deployments.dispatcher.leftovers import Leftovers
from gateway.acr.submission import read_submission
from gateway.disk.room import Room
from gateway.errors import Dependency
from gateway.events.outbox import Outbox, put
from gateway.events.outbox import outbox as outbox_table
from gateway.events.port import Message
from gateway.inference.identity import request_id
from gateway.inference.lease import RequestLease, take
from gateway.inference.row import RequestState
from gateway.inference.store import RequestStore, opened_request_store
from gateway.retrieval.areas import Areas
from gateway.work.waiting import Wait
from tests.databases import empty_database
from tests.gateway.acr.requests import as_body, inference_request
from tests.gateway.exports.scene import Publisher
from tests.gateway.inference.store_scene import announce

NOW = datetime.now(UTC)
WEEK = timedelta(days=7)
ASKED = request_id("T-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RequestStore]:
    with opened_request_store(empty_database(tmp_path / "gateway.db")) as store:
        submission = read_submission(as_body(inference_request()), allow_credentials_over_http=True)
        store.accept(submission, None, NOW)
        yield store


@pytest.fixture
def areas(tmp_path: Path) -> Areas:
    return Areas(tmp_path, Room(tmp_path, 0))


def taken(store: RequestStore, run: int = 1) -> RequestLease:
    lease = take(store, ASKED, UUID(int=run), NOW)
    assert lease
    return lease


def look(areas: Areas, store: RequestStore, now: datetime = NOW) -> None:
    asyncio.run(Leftovers(areas, store, Outbox(store.engine), WEEK, lambda: now).look())


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [
        (RequestState.RUNNING, True),
        (RequestState.WAITING, True),
        (RequestState.FAILED, True),
        (RequestState.COMPLETED, False),
        (RequestState.CANCELLED, False),
    ],
)
def test_areas_of_requests_that_are_over_are_removed(
    store: RequestStore, areas: Areas, state: RequestState, is_kept: bool
) -> None:
    lease = taken(store)
    with areas.open(ASKED, lease.fencing_token):
        look(areas, store)
        assert list(areas.states())
    if state is RequestState.WAITING:
        lease.wait([Wait(Dependency.SOURCE, "away")], NOW, NOW, NOW)
    elif state is RequestState.FAILED:
        lease.fail("no such study", NOW)
    elif state is RequestState.COMPLETED:
        announce(lease, NOW)
    elif state is RequestState.CANCELLED:
        store.cancel(ASKED, "cancelled", NOW)
    look(areas, store)
    assert bool(list(areas.states())) == is_kept
    look(areas, store, NOW + 2 * WEEK)
    assert bool(list(areas.states())) == (is_kept and state is not RequestState.FAILED)


def test_the_area_of_a_request_that_is_at_work_elsewhere_is_removed(store: RequestStore, areas: Areas) -> None:
    with areas.open(ASKED, taken(store).fencing_token):
        taken(store, run=2)
    look(areas, store)
    assert list(areas.states()) == []


def test_events_that_the_broker_has_had_go_after_a_week(areas: Areas, store: RequestStore) -> None:
    outbox = Outbox(store.engine)
    with store.engine.begin() as connection:
        for number in range(601):  # more than one commit takes
            put(connection, Message("key", "type", UUID(int=number), "c", b"{}", NOW, "about"))
    published = Publisher()
    for _ in range(600):
        assert outbox.publish_next(published, NOW)
    for now, left in ((NOW + WEEK, 601), (NOW + WEEK + timedelta(seconds=1), 1)):
        look(areas, store, now)
        with store.engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(outbox_table)).scalar_one() == left
    assert outbox.depth()[0] == 1
