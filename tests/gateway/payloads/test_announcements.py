"""What is kept of announcements, and said again, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from gateway.database import open_database
from gateway.events import Message
from gateway.events.outbox import Outbox
from gateway.payloads.announcements import Announcements, Repeats
from gateway.payloads.workflow_request import workflow_request
from tests.gateway.conftest import on_both_databases
from tests.gateway.events.payloads import instance, payload
from tests.gateway.exports.scene import Publisher

pytestmark = on_both_databases

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def announcements(engine: Engine) -> Announcements:
    return Announcements(engine)


@pytest.fixture
def message() -> Message:
    return workflow_request(payload(*(instance(n) for n in range(1, 4)), workflows=("Übersicht",)), "monaideploy")


def published(engine: Engine) -> list[Message]:
    publisher = Publisher()
    while Outbox(engine).publish_next(publisher, LATER):
        pass
    return publisher.published


def test_it_is_said_again_to_the_letter_each_time(
    announcements: Announcements, engine: Engine, message: Message
) -> None:
    kept = uuid4()
    announcements.keep(kept, message)
    for when in (NOW, LATER):
        assert announcements.say_again(kept, when)
        (said,) = published(engine)
        assert (said.message_id, said.body, said.timestamp) == (message.message_id, message.body, message.timestamp)
        assert (str(said.correlation_id), said.routing_key) == (str(message.correlation_id), message.routing_key)
        assert said.again == when
    assert announcements.repeats([kept, uuid4()]) == {kept: Repeats(2, LATER)}


def test_what_still_waits_for_the_broker_is_said_once(
    announcements: Announcements, engine: Engine, message: Message
) -> None:
    kept = uuid4()
    announcements.keep(kept, message)
    assert announcements.say_again(kept, NOW)
    assert not announcements.say_again(kept, LATER)
    assert Outbox(engine).depth() == (1, NOW), "it waits since it was asked for, not since the payload was closed"
    assert len(published(engine)) == 1
    assert announcements.repeats([kept]) == {kept: Repeats(1, NOW)}


def test_what_is_asked_for_while_it_goes_out_goes_out_once_more(
    announcements: Announcements, engine: Engine, message: Message
) -> None:
    """As by a publisher whose claim is over, and that is slow to say that it has published."""
    kept, other = uuid4(), Publisher()
    announcements.keep(kept, message)
    announcements.say_again(kept, NOW)

    class Slow(Publisher):
        def publish(self, message: Message) -> None:
            super().publish(message)
            assert Outbox(engine).publish_next(other, NOW + timedelta(seconds=61))
            assert announcements.say_again(kept, LATER)

    assert Outbox(engine).publish_next(Slow(), NOW)
    assert [said.again for said in published(engine)] == [LATER]


def test_the_last_that_was_kept_counts(announcements: Announcements, engine: Engine, message: Message) -> None:
    """A run that was stopped before it could publish may have had another bucket."""
    kept = uuid4()
    announcements.keep(kept, message)
    announcements.keep(kept, replace(message, body=b'{"bucket":"another"}'))
    announcements.say_again(kept, NOW)
    assert [said.body for said in published(engine)] == [b'{"bucket":"another"}']
