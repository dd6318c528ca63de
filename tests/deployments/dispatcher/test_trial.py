"""Whether the broker takes events is found out by one that waits: nobody else is told anything."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled

from gateway.config import Settings
from gateway.errors import Dependency
from gateway.events import Message, check_events, open_publisher
from gateway.events.outbox import Outbox
from gateway.inference.lease import RequestLease
from gateway.payloads.announcements import encode_message
from gateway.payloads.workflow_request import ROUTING_KEY, workflow_request
from gateway.work.waiting import Wait
from tests.deployments.dispatching import Dispatching, KindScene, dispatching_on
from tests.deployments.operator import Operator
from tests.deployments.payloads import made_payload
from tests.gateway.events.conftest import settings_for
from tests.peers.prefect_server import PrefectServer
from tests.peers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.peers

UNBOUND = Wait(Dependency.EVENTS, "no queue is bound")


class Waiting:
    """A node whose work has all stored and waits to be announced, with a broker at which nobody listens yet."""

    def __init__(self, dispatching: Dispatching, operator: Operator, rabbitmq: RabbitMQ) -> None:
        self.dispatching, self.operator, self.rabbitmq = dispatching, operator, rabbitmq
        self.broker = settings_for(rabbitmq)
        self._runs: dict[UUID, UUID] = {}
        self.speak_as()

    def speak_as(self, **changes: object) -> None:
        """Put the settings of the broker right, or wrong."""
        settings = Settings(events=self.broker.model_copy(update=changes))
        self.dispatching.publisher = lambda: open_publisher(settings)
        self.dispatching.probes[Dependency.EVENTS] = lambda: check_events(settings)

    def payload(self) -> Message:
        """A payload that was received."""
        work = KindScene("payload", self.dispatching)
        work_id = work.new()
        self.dispatching.look()
        area = self.dispatching.node.received
        message = workflow_request(area.read(work_id), "monaideploy")
        area.keep_announcement(work_id, encode_message(message))
        return self._waits(work, work_id, message)

    def request(self) -> Message:
        """One that was retrieved."""
        work = KindScene("request", self.dispatching)
        work_id = work.new()
        self.dispatching.look()
        lease = RequestLease(work.take(work_id))  # type: ignore[arg-type]
        made = made_payload(self.dispatching.node.node_id).model_copy(update={"payload_id": lease.row().payload_id})
        message = workflow_request(made, "monaideploy")
        lease.keep_announcement(message)
        return self._waits(work, work_id, message)

    def release(self) -> None:
        self.dispatching.clock.move(2)
        self.dispatching.release()

    def listen(self) -> str:
        return self.rabbitmq.bind_queue(self.broker.virtual_host, self.broker.exchange, ROUTING_KEY)

    def heard(self, queue: str) -> list[str]:
        """The ids of all messages that have come."""
        messages = self.rabbitmq.messages(self.broker.virtual_host, queue, 10, timeout_seconds=1)
        return [str(each.properties.message_id) for each in messages]

    def is_released(self, message: Message) -> bool:
        return (self.operator.state(self._runs[message.message_id]).message or "").endswith("answers again.")

    def cancel_in_prefect(self, message: Message) -> None:
        self.operator.client.set_flow_run_state(self._runs[message.message_id], Cancelled(), force=True)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.dispatching.node.database)

    def _waits(self, work: KindScene, work_id: UUID, message: Message) -> Message:
        work.wait(work_id, UNBOUND)
        self.dispatching.clock.move(1)
        due = self.dispatching.now + timedelta(seconds=600)
        state: State[Any] = AwaitingRetry(message="waits", scheduled_time=due)
        self._runs[message.message_id] = work.run_id(work_id)
        self.operator.client.set_flow_run_state(work.run_id(work_id), state, force=True)
        return message


@pytest.fixture
def waiting(
    tmp_path: Path, prefect: PrefectServer, work_pool: str, operator: Operator, rabbitmq: RabbitMQ
) -> Iterator[Waiting]:
    with dispatching_on(tmp_path, prefect.api_url, work_pool) as dispatching:
        yield Waiting(dispatching, operator, rabbitmq)


def test_what_comes_back_is_left_to_its_run(waiting: Waiting) -> None:
    message = waiting.payload()
    waiting.release()
    assert not waiting.is_released(message)
    assert not waiting.outbox.is_published(message.message_id)
    assert waiting.outbox.depth() == (0, None)


def test_once_somebody_listens_one_is_published_and_all_go_on(waiting: Waiting) -> None:
    messages = [waiting.payload(), waiting.request(), waiting.payload()]
    waiting.release()
    queue = waiting.listen()
    waiting.release()
    assert all(map(waiting.is_released, messages))
    (published,) = [each for each in messages if waiting.outbox.is_published(each.message_id)]
    assert waiting.heard(queue) == [str(published.message_id)]


def test_of_a_request_it_is_the_event_as_well(waiting: Waiting) -> None:
    message, queue = waiting.request(), waiting.listen()
    waiting.release()
    assert waiting.is_released(message)
    assert waiting.heard(queue) == [str(message.message_id)]


def test_each_try_is_soon_and_none_costs_the_next(waiting: Waiting) -> None:
    """A queue that is bound after a night is found as soon as one that is bound after a minute."""
    message = waiting.payload()
    for _ in range(20):
        waiting.release()
    queue = waiting.listen()
    waiting.release()
    assert waiting.is_released(message)
    assert len(waiting.heard(queue)) == 1


def test_what_somebody_has_cancelled_is_not_told(waiting: Waiting) -> None:
    cancelled, other, queue = waiting.payload(), waiting.payload(), waiting.listen()
    waiting.cancel_in_prefect(cancelled)
    waiting.release()
    assert waiting.is_released(other)
    assert waiting.heard(queue) == [str(other.message_id)]


def test_one_that_another_dispatcher_has_in_hand_is_left_to_it_and_the_next_is_tried(waiting: Waiting) -> None:
    """As one is that a dispatcher was killed with: the outbox brings it, when its claim has run out."""
    first, second, queue = waiting.payload(), waiting.payload(), waiting.listen()
    outbox, now = waiting.outbox, waiting.dispatching.now
    assert outbox._claim_new(first, now)
    waiting.release()
    assert not waiting.is_released(second)
    waiting.release()
    assert waiting.is_released(second)
    assert waiting.heard(queue) == [str(second.message_id)]
    with closing(waiting.dispatching.publisher()) as publisher:
        assert outbox.publish_next(publisher, now + timedelta(minutes=5))
    assert waiting.heard(queue) == [str(first.message_id)]


def test_what_only_another_node_knows_is_not_tried(waiting: Waiting) -> None:
    message = waiting.payload()
    waiting.dispatching.node.received.announcement(UUID(message.about.removeprefix("payload."))).unlink()
    waiting.release()
    assert waiting.is_released(message), "the broker answers: its own run tries"
    assert waiting.outbox.depth() == (0, None)
