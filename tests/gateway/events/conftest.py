"""The two brokers, each with a publisher and somebody who receives."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from gateway.config import RabbitMqSettings, Settings
from gateway.config.sections import PrefectSettings
from gateway.events import EventPublisher, open_publisher
from gateway.payloads.workflow_request import ROUTING_KEY
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server
from tests.peers.rabbitmq import RabbitMQ
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Received:
    """An event as its receiver has it."""

    message_id: UUID
    content: Any


@dataclass(frozen=True, slots=True)
class Broker:
    """`received` takes the number of events that are expected, and may wait for that many."""

    publisher: EventPublisher
    server: Server
    received: Callable[[int], list[Received]]


def settings_for(rabbitmq: RabbitMQ, **changes: object) -> RabbitMqSettings:
    """Settings for a new virtual host, some of them changed."""
    settings = RabbitMqSettings(
        host=rabbitmq.host,
        port=rabbitmq.port,
        username=rabbitmq.username,
        password=SecretStr(rabbitmq.password),
    )
    if "virtual_host" not in changes:
        changes["virtual_host"] = rabbitmq.new_virtual_host()
    return settings.model_copy(update=changes)


def bind_durably(rabbitmq: RabbitMQ, settings: RabbitMqSettings, routing_key: str = ROUTING_KEY) -> str:
    """Bind a queue, and wait until the broker can be killed."""
    queue = rabbitmq.bind_queue(settings.virtual_host, settings.exchange, routing_key)
    wait_until_written_down(rabbitmq, settings, queue)
    return queue


def wait_until_written_down(rabbitmq: RabbitMQ, settings: RabbitMqSettings, queue: str) -> None:
    """Wait until the broker has written a new queue down: killed before, it would never serve it again."""
    entry = f"{settings.virtual_host}_{queue}".encode()

    def is_written_down() -> bool:
        return any(entry in file.read_bytes() for file in rabbitmq.server.directory.glob("data/*/quorum/*/names.dets"))

    wait_until(is_written_down, 30, "the broker to write its new queue down")


def prefect_events(api_url: str) -> list[dict[str, Any]]:
    """The `md.workflow.request` events that a Prefect server has recorded."""
    question = {"filter": {"event": {"name": [ROUTING_KEY]}}, "limit": 50}
    answer = httpx.post(f"{api_url}/events/filter", json=question, trust_env=False, timeout=30)
    events: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
    return events


@pytest.fixture
def over_rabbitmq(rabbitmq: RabbitMQ) -> Iterator[Broker]:
    settings = settings_for(rabbitmq)
    queue = bind_durably(rabbitmq, settings)

    def received(count: int) -> list[Received]:
        messages = rabbitmq.messages(settings.virtual_host, queue, count)
        return [Received(UUID(each.properties.message_id), json.loads(each.body)) for each in messages]

    publisher = open_publisher(Settings(events=settings))
    yield Broker(publisher, rabbitmq.server, received)
    publisher.close()


@pytest.fixture
def over_prefect(prefect: PrefectServer) -> Iterator[Broker]:
    before = {event["id"] for event in prefect_events(prefect.api_url)}

    def received(_: int) -> list[Received]:
        new = [event for event in prefect_events(prefect.api_url) if event["id"] not in before]
        return [Received(UUID(event["id"]), event["payload"]) for event in reversed(new)]

    publisher = open_publisher(Settings(prefect=PrefectSettings(api_url=prefect.api_url)))
    yield Broker(publisher, prefect.server, received)
    publisher.close()


@pytest.fixture(params=["over_rabbitmq", "over_prefect"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each of the two."""
    found: Broker = request.getfixturevalue(request.param)
    return found
