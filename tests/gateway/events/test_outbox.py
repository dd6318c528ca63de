"""Events that are written with what they tell, and published until the broker has them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import BrokerRefused, BrokerUnavailable, NobodyListens
from gateway.events import Message
from gateway.events.outbox import Outbox, put, put_again
from gateway.exports.states import ExportState
from gateway.payloads.workflow_request import ROUTING_KEY, workflow_request
from tests.gateway.conftest import on_both_databases
from tests.gateway.events.payloads import instance, payload
from tests.gateway.exports.scene import Publisher, Scene

pytestmark = on_both_databases


class AwayPublisher(Publisher):
    """A broker that is away."""

    def publish(self, message: Message) -> None:
        raise BrokerUnavailable("connection refused")


@pytest.fixture
def outbox(scene: Scene) -> Outbox:
    """With the events of two exports that settled one after the other."""
    for number in range(2):
        scene.settled(scene.ask(["a"], "nowhere", task=f"task-{number}"))
        scene.move(1)
    return Outbox(scene.ledger.engine)


def test_the_oldest_is_published_first_and_each_once(scene: Scene, outbox: Outbox) -> None:
    assert [told["export_task_id"] for told in scene.published()] == ["task-0", "task-1"]
    assert scene.published() == []
    assert outbox.depth() == (0, None)


def test_a_broker_that_is_away_loses_nothing(scene: Scene, outbox: Outbox) -> None:
    with pytest.raises(BrokerUnavailable):
        outbox.publish_next(AwayPublisher(), scene.now)
    assert outbox.depth()[0] == 2
    assert len(scene.published()) == 2


def test_an_event_that_is_refused_holds_up_no_other(scene: Scene, outbox: Outbox) -> None:
    class Choosy(Publisher):
        def publish(self, message: Message) -> None:
            if b'"task-0"' in message.body:
                raise BrokerRefused("it is too large")
            super().publish(message)

    publisher = Choosy()
    with pytest.raises(BrokerRefused):
        outbox.publish_next(publisher, scene.now)
    assert outbox.publish_next(publisher, scene.now)
    assert not outbox.publish_next(publisher, scene.now)
    assert outbox.depth()[0] == 1
    assert outbox.publish_next(Publisher(), scene.now + timedelta(seconds=61)), "and it is tried again"


def test_an_event_that_nobody_listens_for_holds_up_none_of_another_kind(scene: Scene, outbox: Outbox) -> None:
    class Unheard(Publisher):
        def publish(self, message: Message) -> None:
            if message.routing_key != ROUTING_KEY:
                raise NobodyListens("no queue is bound")
            super().publish(message)

    other = workflow_request(payload(instance(1)), "monaideploy")
    publisher, passed_over = Unheard(), set[str]()
    with pytest.raises(NobodyListens):
        outbox.publish_next(publisher, scene.now, passed_over)
    assert not outbox.publish_next(publisher, scene.now, passed_over), "the second would come back as well"
    with scene.ledger.engine.begin() as connection:
        put(connection, other)
    assert outbox.publish_next(publisher, scene.now, passed_over)
    assert [each.message_id for each in publisher.published] == [other.message_id]
    assert len(scene.published()) == 2, "tried again the next time"


def test_what_is_said_again_waits_behind_what_waits_already(scene: Scene, outbox: Outbox) -> None:
    publisher = Publisher()
    assert outbox.publish_next(publisher, scene.now)
    (first,) = publisher.published
    with scene.ledger.engine.begin() as connection:
        assert put_again(connection, replace(first, again=scene.now))
    while outbox.publish_next(publisher, scene.now):
        pass
    *_, second, last = publisher.published
    assert (second.again, b'"task-1"' in second.body) == (None, True)
    assert last == replace(first, again=scene.now)


def test_what_the_broker_has_had_for_long_goes_and_nothing_that_waits(scene: Scene, outbox: Outbox) -> None:
    publisher = Publisher()
    outbox.publish_next(publisher, scene.now)
    scene.move(60)
    assert outbox.remove_published(scene.now - timedelta(seconds=60)) == 0
    assert outbox.remove_published(scene.now) == 1
    assert outbox.remove_published(scene.now + timedelta(days=1000)) == 0, "the other was never published"
    assert outbox.depth()[0] == 1
    with scene.ledger.engine.begin() as connection:
        assert put_again(connection, replace(publisher.published[0], again=scene.now)), (
            "it can be said again all the same"
        )
    assert outbox.depth()[0] == 2


def test_two_publishers_do_not_publish_the_same(scene: Scene, outbox: Outbox) -> None:
    second = Publisher()

    class Slow(Publisher):
        def publish(self, message: Message) -> None:
            outbox.publish_next(second, scene.now)
            super().publish(message)

    first = Slow()
    outbox.publish_next(first, scene.now)
    assert {message.message_id for message in first.published}.isdisjoint(each.message_id for each in second.published)
    assert outbox.depth()[0] == 0


def test_what_a_frozen_publisher_has_in_hand_goes_out_with_the_same_id_by_another(scene: Scene, outbox: Outbox) -> None:
    """As by one that is killed: nobody else can tell the two apart."""
    another = Publisher()

    class Frozen(Publisher):
        def publish(self, message: Message) -> None:
            super().publish(message)
            assert outbox.publish_next(another, scene.now), "the other event"
            assert not outbox.publish_next(another, scene.now + timedelta(seconds=59)), "it may still be at it"
            assert outbox.publish_next(another, scene.now + timedelta(seconds=61))

    frozen = Frozen()
    outbox.publish_next(frozen, scene.now)
    assert frozen.published == another.published[1:]
    assert not outbox.publish_next(another, scene.now + timedelta(days=1))


def test_each_settlement_has_an_id_of_its_own(scene: Scene) -> None:
    export_id = scene.ask(["a"], "nowhere")
    publisher = Publisher()
    for _ in range(2):
        scene.settled(export_id)
        scene.move(1)
    while Outbox(scene.ledger.engine).publish_next(publisher, scene.now):
        pass
    assert len({message.message_id for message in publisher.published}) == 2
    assert scene.row(export_id).state is ExportState.FAILED
