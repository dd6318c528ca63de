"""What every event publisher promises."""

import json

import pytest

from gateway.errors import BrokerUnavailable, Dependency
from gateway.payloads.workflow_request import workflow_request
from tests.gateway.events.conftest import Broker
from tests.gateway.events.consumer import accept
from tests.gateway.events.payloads import instance, payload

pytestmark = pytest.mark.peers


def test_the_event_that_arrives_is_the_one_that_was_published(broker: Broker) -> None:
    message = workflow_request(payload(instance(1), instance(2), workflows=("Übersicht",)), "monaideploy")
    broker.publisher.publish(message)
    (received,) = broker.received(1)
    assert received.message_id == message.message_id
    assert received.content == json.loads(message.body)


def test_a_consumer_written_from_the_contract_accepts_what_arrives(broker: Broker) -> None:
    broker.publisher.publish(workflow_request(payload(instance(1), instance(2)), "monaideploy"))
    (received,) = broker.received(1)
    accept(json.dumps(received.content).encode())


def test_an_event_published_twice_is_known_by_its_id(broker: Broker) -> None:
    message = workflow_request(payload(), "monaideploy")
    broker.publisher.publish(message)
    broker.publisher.publish(message)
    assert {received.message_id for received in broker.received(2)} == {message.message_id}


def test_events_arrive_in_the_order_of_their_publication(broker: Broker) -> None:
    messages = [workflow_request(payload(), "monaideploy") for _ in range(5)]
    for message in messages:
        broker.publisher.publish(message)
    assert [received.message_id for received in broker.received(5)] == [message.message_id for message in messages]


def test_a_payload_of_thousands_of_instances_is_announced(broker: Broker) -> None:
    message = workflow_request(payload(*(instance(n) for n in range(1, 5001))), "monaideploy")
    broker.publisher.publish(message)
    (received,) = broker.received(1)
    assert len(received.content["payload"]) == 5000


def test_what_was_published_is_still_there_when_the_broker_was_killed(broker: Broker) -> None:
    message = workflow_request(payload(), "monaideploy")
    broker.publisher.publish(message)
    broker.server.kill()
    broker.server.start()
    assert [received.message_id for received in broker.received(1)] == [message.message_id]


def test_a_broker_that_is_away_is_said_to_be_and_works_again_when_it_is_back(broker: Broker) -> None:
    message = workflow_request(payload(), "monaideploy")
    broker.publisher.check()
    broker.server.stop()
    for attempt in (broker.publisher.check, lambda: broker.publisher.publish(message)):
        with pytest.raises(BrokerUnavailable, match="does not answer: connection refused") as error:
            attempt()
        assert error.value.waits_for is Dependency.EVENTS
    broker.server.start()
    broker.publisher.check()
    broker.publisher.publish(message)
    assert [received.message_id for received in broker.received(1)] == [message.message_id]


def test_a_broker_that_was_restarted_between_two_events_is_found_again(broker: Broker) -> None:
    first, second = (workflow_request(payload(), "monaideploy") for _ in range(2))
    broker.publisher.publish(first)
    broker.server.stop()
    broker.server.start()
    try:
        broker.publisher.publish(second)
    except BrokerUnavailable:  # the connection of the first was kept, and is gone
        broker.publisher.publish(second)
    assert {received.message_id for received in broker.received(2)} == {first.message_id, second.message_id}


def test_a_publisher_may_be_closed_twice(broker: Broker) -> None:
    broker.publisher.publish(workflow_request(payload(), "monaideploy"))
    broker.publisher.close()
    broker.publisher.close()
