"""Many export requests, while everything that carries them is killed: forty, at length two hundred."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from gateway.config import RabbitMqSettings
from gateway.exports.ledger import opened_ledger
from gateway.exports.states import ExportState
from tests.gateway.dimse.raw_pacs import RawPacs, raw_pacs
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.exports.scene import pacs_destination, request_body
from tests.listeners.amqp.test_consumer import PROPERTIES, QUEUE
from tests.peers.rabbitmq import RabbitMQ
from tests.site.exporting import ExportSite, running_export_site
from tests.waiting import wait_until

FILES = 20


@pytest.fixture
def requests(at_length: bool) -> int:
    """How many there are: each is a run of a process of its own."""
    return 200 if at_length else 40


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> RabbitMqSettings:
    settings = settings_for(rabbitmq)
    bind_durably(rabbitmq, settings, "md.export.complete")
    bind_durably(rabbitmq, settings, "md.workflow.request")
    return settings


@pytest.fixture
def pacs() -> Iterator[RawPacs]:
    with raw_pacs() as pacs:
        yield pacs


@pytest.fixture
def site(tmp_path: Path, rabbitmq: RabbitMQ, broker: RabbitMqSettings) -> Iterator[ExportSite]:
    events = {"kind": "rabbitmq", "host": "127.0.0.1", "port": rabbitmq.port, "virtual_host": broker.virtual_host}
    with running_export_site(tmp_path, MIG_EVENTS=json.dumps(events)) as site:
        site.gateway.wait_for_log("consuming export requests")
        yield site


def publish(rabbitmq: RabbitMQ, broker: RabbitMqSettings, body: bytes) -> None:
    """Publish as the workflow manager does, until the broker has confirmed it."""

    def published() -> bool:
        try:
            with rabbitmq.connection(broker.virtual_host) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                channel.basic_publish(broker.exchange, QUEUE, body, pika.BasicProperties(**PROPERTIES), mandatory=True)
        except (AMQPError, AMQPConnectorException):
            return False
        return True

    wait_until(published, 120, "the broker to confirm a request")


def completes(rabbitmq: RabbitMQ, broker: RabbitMqSettings, most: int) -> list[dict[str, Any]]:
    """Every `md.export.complete` that was published."""
    received = rabbitmq.messages(broker.virtual_host, "md.export.complete", most, timeout_seconds=15)
    return [json.loads(each.body) for each in received]


def messages_of(rabbitmq: RabbitMQ, broker: RabbitMqSettings, queue: str) -> int:
    """Those that wait and those that are not acknowledged."""
    found = rabbitmq.manage("GET", f"/queues/{broker.virtual_host}/{queue}").json()
    return int(found.get("messages", -1))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_request_is_served_and_told_whatever_is_killed(
    site: ExportSite, pacs: RawPacs, rabbitmq: RabbitMQ, broker: RabbitMqSettings, requests: int
) -> None:
    site.register(pacs_destination(pacs))
    keys = site.put_some(FILES)
    for number in range(requests):
        if number == requests // 4:
            os.kill(site.gateway.process_of("exports"), signal.SIGKILL)
        if number == requests // 2:
            rabbitmq.server.kill()
            rabbitmq.server.start()
        if number == 3 * requests // 4:
            os.kill(site.gateway.process_of("worker"), signal.SIGKILL)
        publish(rabbitmq, broker, request_body([keys[number % FILES]], ["pacs"], task=f"task-{number}"))

    def succeeded() -> int:
        with opened_ledger(site.database_url) as ledger:
            return ledger.work.count(ExportState.SUCCEEDED)

    wait_until(lambda: succeeded() == requests, 900, "every export to have succeeded")
    told = completes(rabbitmq, broker, 2 * requests)
    assert {each["export_task_id"] for each in told} == {f"task-{number}" for number in range(requests)}
    assert {each["status"] for each in told} == {"Success"}
    assert set(pacs.names) == {f"1.2.3.{number}" for number in range(1, FILES + 1)}
    assert requests <= len(pacs.names) <= requests + 4, "no more twice than was on its way"
    wait_until(lambda: messages_of(rabbitmq, broker, QUEUE) == 0, 60, "every request to be acknowledged")
    assert messages_of(rabbitmq, broker, f"{QUEUE}-dead-letter") == 0
