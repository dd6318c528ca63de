"""The consumer of export requests on a real broker."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker
from pika.exchange_type import ExchangeType
from pydantic import SecretStr
from sqlalchemy import text

from gateway.config import RabbitMqSettings, Settings
from gateway.config.sections import DatabaseSettings
from gateway.errors import DatabaseRefused
from gateway.exports.ledger import ExportLedger, opened_ledger
from gateway.exports.request import read_export_request
from listeners.amqp.amqp_process import serve
from tests.gateway.events.conftest import settings_for
from tests.gateway.exports.scene import request_body
from tests.peers.rabbitmq import RabbitMQ
from tests.waiting import wait_until

QUEUE, WEB_QUEUE = "md.export.request.monaiscu", "md.export.request.monaidicomweb"
DEAD = f"{QUEUE}-dead-letter"
PROPERTIES: dict[str, Any] = {
    "content_type": "application/json",
    "app_id": "16988a78-87b5-4168-a5c3-2cfc2bab8e54",
    "message_id": "m-1",
    "correlation_id": "c-1",
    "timestamp": 1_700_000_000,
    "delivery_mode": 2,
    "type": "ExportRequestEvent",
}


@dataclass
class Scene:
    """A broker with a virtual host for the test, and a ledger."""

    rabbitmq: RabbitMQ
    broker: RabbitMqSettings
    ledger: ExportLedger
    url: str

    @property
    def settings(self) -> Settings:
        return Settings(events=self.broker, database=DatabaseSettings(url=SecretStr(self.url)))

    @contextmanager
    def consuming(self) -> Iterator[None]:
        """A consumer at work; at the end it stops in order."""
        stopping = threading.Event()
        thread = threading.Thread(target=serve, args=(self.settings, stopping))
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def publish(self, body: bytes, queue: str = QUEUE, without: str = "") -> None:
        """Publish as the workflow manager does, or without one of the properties."""
        with self.rabbitmq.connection(self.broker.virtual_host) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            properties = pika.BasicProperties(**{name: value for name, value in PROPERTIES.items() if name != without})
            channel.basic_publish(self.broker.exchange, queue, body, properties, mandatory=True)

    def queue(self, name: str = QUEUE) -> dict[str, Any]:
        answer = self.rabbitmq.manage("GET", f"/queues/{self.broker.virtual_host}/{name}")
        found: dict[str, Any] = answer.json()
        return found

    def is_consumed(self, name: str) -> bool:
        """Asked of the queue itself: the management's figures are seconds old."""
        with self.rabbitmq.connection(self.broker.virtual_host) as connection:
            try:
                return bool(connection.channel().queue_declare(name, passive=True).method.consumer_count)
            except ChannelClosedByBroker:
                return False

    def wait_for_consumer(self) -> None:
        wait_until(lambda: self.is_consumed(QUEUE) and self.is_consumed(WEB_QUEUE), 60, "the consumer to consume")

    def wait_for_export(self, body: bytes) -> None:
        export_id = read_export_request(body).export_id
        wait_until(lambda: self.ledger.row(export_id), 60, "the request to be recorded")

    def count(self, name: str) -> int:
        """How many messages a queue holds, asked of the queue itself."""
        with self.rabbitmq.connection(self.broker.virtual_host) as connection:
            return connection.channel().queue_declare(name, passive=True).method.message_count or 0

    def dead_letters(self, count: int) -> list[bytes]:
        received = self.rabbitmq.messages(self.broker.virtual_host, DEAD, count, timeout_seconds=30)
        return [each.body for each in received]


@pytest.fixture
def scene(rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Scene]:
    url = f"sqlite:///{tmp_path}/gateway.db"
    with opened_ledger(url) as ledger:
        yield Scene(rabbitmq, settings_for(rabbitmq), ledger, url)


def numbered(number: int) -> bytes:
    return request_body(["a"], ["pacs"], task=f"task-{number}")


def test_queues_are_declared_as_monai_deploy_does(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
    for queue in (QUEUE, WEB_QUEUE):
        assert scene.queue(queue)["arguments"] == {
            "x-queue-type": "quorum",
            "x-delivery-limit": 3,
            "x-dead-letter-exchange": "monaideploy-dead-letter",
        }
        assert scene.queue(queue)["durable"] is True
        assert scene.queue(f"{queue}-dead-letter")["type"] == "classic"


def test_a_request_is_recorded_and_acknowledged_with_the_agent_it_came_for(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        scene.publish(numbered(1))
        scene.publish(numbered(2), WEB_QUEUE)
        scene.wait_for_export(numbered(1))
        scene.wait_for_export(numbered(2))
    ids = [work.work_id for work in scene.ledger.work.without_run(10)]
    assert sorted(row.agent for row in map(scene.ledger.row, ids) if row) == ["monaidicomweb", "monaiscu"]
    assert scene.count(QUEUE) == scene.count(WEB_QUEUE) == 0, "acknowledged"


def test_a_request_that_comes_again_is_acknowledged_and_changes_nothing(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        for _ in range(3):
            scene.publish(numbered(1))
        scene.publish(numbered(2))
        scene.wait_for_export(numbered(2))
    assert len(scene.ledger.work.without_run(10)) == 2
    assert scene.count(QUEUE) == scene.count(DEAD) == 0


def test_what_can_not_be_understood_is_a_dead_letter_and_holds_nobody_up(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        scene.publish(b"{")
        scene.publish(numbered(1))
        scene.wait_for_export(numbered(1))
        assert scene.dead_letters(1) == [b"{"]


@pytest.mark.parametrize("name", ["message_id", "app_id", "content_type", "correlation_id", "timestamp"])
def test_a_message_without_a_property_that_monai_deploy_requires_is_a_dead_letter(scene: Scene, name: str) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        scene.publish(numbered(1), without=name)
        assert scene.dead_letters(1) == [numbered(1)]
    assert scene.ledger.work.without_run(10) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-queue-type": "classic"},
        {"x-queue-type": "quorum", "x-delivery-limit": 7},
        {"x-queue-type": "quorum"},
    ],
)
def test_a_queue_that_exists_with_other_arguments_is_used_as_it_is(scene: Scene, arguments: dict[str, object]) -> None:
    with scene.rabbitmq.connection(scene.broker.virtual_host) as connection:
        channel = connection.channel()
        channel.exchange_declare("monaideploy", ExchangeType("topic"), durable=True)
        channel.queue_declare(QUEUE, durable=True, arguments=arguments)
        channel.queue_bind(QUEUE, "monaideploy", QUEUE)
    with scene.consuming():
        scene.publish(numbered(1))
        scene.wait_for_export(numbered(1))


def test_requests_stay_with_the_broker_while_the_database_is_away(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        with scene.ledger.engine.connect() as connection:
            connection.execute(text("BEGIN EXCLUSIVE"))
            scene.publish(numbered(1))
            wait_until(lambda: scene.queue().get("messages_unacknowledged") == 1, 60, "the request to be delivered")
            connection.execute(text("ROLLBACK"))
        scene.wait_for_export(numbered(1))
        wait_until(lambda: scene.queue().get("messages") == 0, 60, "the request to be acknowledged")
    assert scene.count(DEAD) == 0


def test_a_database_that_refuses_ends_the_consumer_and_the_request_stays_with_the_broker(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
    with scene.ledger.engine.begin() as connection:
        connection.execute(text("ALTER TABLE exports DROP COLUMN message"))
    scene.publish(numbered(1))
    with pytest.raises(DatabaseRefused, match="message"):
        serve(scene.settings, threading.Event())
    wait_until(lambda: scene.count(QUEUE) == 1, 30, "the request to be back in its queue")


def test_a_broker_that_comes_back_is_consumed_from_again(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        scene.publish(numbered(1))
        scene.wait_for_export(numbered(1))
        scene.rabbitmq.server.stop()
        scene.rabbitmq.server.start()
        scene.wait_for_consumer()
        scene.publish(numbered(2))
        scene.wait_for_export(numbered(2))


def test_a_queue_that_is_deleted_is_declared_again(scene: Scene) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        scene.rabbitmq.manage("DELETE", f"/queues/{scene.broker.virtual_host}/{QUEUE}")
        wait_until(lambda: scene.is_consumed(QUEUE), 60, "the queue to be there again")
        scene.publish(numbered(1))
        scene.wait_for_export(numbered(1))


def test_replicas_share_the_work(scene: Scene) -> None:
    with scene.consuming(), scene.consuming():
        scene.wait_for_consumer()
        for number in range(20):
            scene.publish(numbered(number))
        wait_until(lambda: len(scene.ledger.work.without_run(50)) == 20, 60, "every request to be recorded")
    assert scene.count(QUEUE) == scene.count(DEAD) == 0


def test_the_body_names_what_the_log_does_not(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    with scene.consuming():
        scene.wait_for_consumer()
        scene.publish(json.dumps({"workflow_instance_id": 7, "patient": "Doe^Jane"}).encode())
        scene.dead_letters(1)
    told = capsys.readouterr()
    assert "workflow_instance_id: not a text" in told.out + told.err
    assert "Doe" not in told.out + told.err
