"""What is peculiar to events of Prefect."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import BrokerRefused, BrokerUnavailable, GatewayError, SettingsError
from gateway.events import Message
from gateway.events.prefect import PrefectPublisher
from gateway.payloads.workflow_request import workflow_request
from tests.gateway.answering import answering
from tests.gateway.events.conftest import prefect_events
from tests.gateway.events.payloads import CLOSED, instance, payload
from tests.peers import prefect_server
from tests.peers.postgresql import PostgreSQL
from tests.peers.prefect_server import PrefectServer

_FLUSH = "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL"


@pytest.fixture
def message() -> Message:
    return workflow_request(payload(), "monaideploy")


@pytest.mark.peers
def test_automations_can_tell_the_event_by_its_name_and_its_resource(prefect: PrefectServer) -> None:
    announced = payload()
    message = workflow_request(announced, "monaideploy")
    publish(prefect.api_url, message)
    (event,) = [event for event in prefect_events(prefect.api_url) if event["id"] == str(announced.message_id)]
    assert event["event"] == "md.workflow.request"
    assert event["resource"] == {
        "prefect.resource.id": f"informatics-gateway.payload.{announced.payload_id}",
        "informatics-gateway.message-id": str(announced.message_id),
    }
    assert event["payload"] == json.loads(message.body)
    assert datetime.now(UTC) - datetime.fromisoformat(event["occurred"]) < timedelta(minutes=1)


@pytest.mark.peers
def test_what_an_operator_has_said_again_is_an_event_of_its_own_each_time(
    prefect: PrefectServer, message: Message
) -> None:
    """Prefect keeps one event of an id: the message's id is in a label."""
    said = [message, *(replace(message, again=CLOSED + timedelta(days=days)) for days in (1, 2))]
    for each in (*said, said[-1]):  # the last is a repeat of the publisher's, not of the operator's
        publish(prefect.api_url, each)
    label = "informatics-gateway.message-id"
    events = [
        each for each in prefect_events(prefect.api_url) if each["resource"].get(label) == str(message.message_id)
    ]
    assert len({event["id"] for event in events}) == len(events) == 3
    assert all(event["payload"] == json.loads(message.body) for event in events)


@pytest.mark.peers
def test_an_event_that_is_published_again_after_a_restart_is_recorded_once(
    prefect: PrefectServer, message: Message
) -> None:
    publish(prefect.api_url, message)
    prefect.server.stop()
    prefect.server.start()
    publish(prefect.api_url, message)
    assert [event["id"] for event in prefect_events(prefect.api_url)].count(str(message.message_id)) == 1


@pytest.mark.peers
def test_an_event_that_prefect_lost_before_it_was_recorded_is_not_published(tmp_path: Path, message: Message) -> None:
    with prefect_server.running(tmp_path, environment={_FLUSH: "3600"}) as prefect:
        with pytest.raises(BrokerUnavailable, match="took the event twice, but had not recorded it after 1 s"):
            publish(prefect.api_url, message, record_seconds=0.5)
        prefect.server.kill()
        prefect.server.environment = {**prefect.server.environment, _FLUSH: "0.1"}
        prefect.server.start()
        assert prefect_events(prefect.api_url) == []
        publish(prefect.api_url, message)
        assert len(prefect_events(prefect.api_url)) == 1


@pytest.mark.peers
def test_an_event_that_is_too_large_for_prefect_is_refused(prefect: PrefectServer) -> None:
    large = workflow_request(payload(*(instance(n) for n in range(1, 20_001))), "monaideploy")
    with pytest.raises(BrokerRefused, match=r"\d{7} bytes: set PREFECT_SERVER_EVENTS_MAXIMUM_SIZE_BYTES there"):
        publish(prefect.api_url, large, record_seconds=0.5)


@pytest.mark.peers
def test_a_server_on_postgresql_is_ready_while_its_database_is(
    tmp_path: Path, postgresql: PostgreSQL, message: Message
) -> None:
    url = postgresql.url(postgresql.new_database(), "asyncpg")
    with prefect_server.running(tmp_path, url) as prefect, publisher(prefect.api_url) as events:
        events.check()
        events.publish(message)
        assert len(prefect_events(prefect.api_url)) == 1
        postgresql.server.stop()
        for attempt in (events.check, lambda: events.publish(message)):
            with pytest.raises(BrokerUnavailable, match="Prefect answered 50"):
                attempt()


@pytest.mark.peers
def test_the_credentials_of_prefects_own_clients_are_used(
    tmp_path: Path, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"PREFECT_SERVER_API_AUTH_STRING": "admin:the secret"}
    with prefect_server.running(tmp_path, environment=secret) as prefect:
        with pytest.raises(BrokerRefused, match="401 to POST: see PREFECT_API_AUTH_STRING and PREFECT_API_KEY"):
            publish(prefect.api_url, message)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:not the secret")
        with pytest.raises(BrokerRefused) as error:
            publish(prefect.api_url, message)
        assert "secret" not in str(error.value)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:the secret")
        publish(prefect.api_url, message)


@pytest.mark.parametrize(
    ("status", "body", "expected", "told"),
    [
        (503, b"", BrokerUnavailable, "Prefect answered 503"),
        (429, b"", BrokerUnavailable, "Prefect answered 429"),
        (404, b"", BrokerRefused, "Prefect does not know it"),
        (200, b"<html>", BrokerRefused, "does not answer as Prefect does"),
        (200, b"[]", BrokerRefused, "does not answer as Prefect does"),
    ],
)
def test_an_answer_decides_whether_waiting_helps(
    status: int, body: bytes, expected: type[GatewayError], told: str, message: Message
) -> None:
    with answering(status, body, "application/json") as address, pytest.raises(expected, match=told):
        publish(f"http://{address}/api", message)


def test_a_name_that_does_not_resolve_is_unavailable(message: Message) -> None:
    with pytest.raises(BrokerUnavailable, match="nowhere:4200: Prefect does not answer: its name can't be resolved"):
        publish("http://nowhere:4200/api", message)


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="api_url is not an address"):
        PrefectPublisher("http://here:there/api")


@contextmanager
def publisher(api_url: str, record_seconds: float = 10) -> Iterator[PrefectPublisher]:
    events = PrefectPublisher(api_url, record_seconds)
    try:
        yield events
    finally:
        events.close()


def publish(api_url: str, message: Message, record_seconds: float = 10) -> None:
    with publisher(api_url, record_seconds) as events:
        events.publish(message)
