"""What is peculiar to RabbitMQ."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pika.exchange_type import ExchangeType
from pydantic import SecretStr

from gateway.config import RabbitMqSettings
from gateway.errors import BrokerRefused, BrokerUnavailable, SettingsError
from gateway.events import Message
from gateway.events.rabbitmq import RabbitMqPublisher
from gateway.payloads.workflow_request import ROUTING_KEY, workflow_request
from tests.certificates import self_signed
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.events.payloads import CLOSED, payload
from tests.gateway.proxy import proxy
from tests.peers import rabbitmq as rabbitmq_peer
from tests.peers.components import RABBITMQ
from tests.peers.ports import free_port
from tests.peers.processes import Server
from tests.peers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.peers


@pytest.fixture
def settings(rabbitmq: RabbitMQ) -> RabbitMqSettings:
    """A virtual host in which a queue waits for the event."""
    found = settings_for(rabbitmq)
    rabbitmq.bind_queue(found.virtual_host, found.exchange, ROUTING_KEY)
    return found


@pytest.fixture
def message() -> Message:
    return workflow_request(payload(), "monaideploy")


def test_its_properties_are_those_that_existing_consumers_require(
    rabbitmq: RabbitMQ, settings: RabbitMqSettings, message: Message
) -> None:
    publish(settings, message)
    (received,) = rabbitmq.messages(settings.virtual_host, ROUTING_KEY, 1)
    assert received.routing_key == "md.workflow.request"
    assert received.body == message.body
    assert {name: value for name, value in vars(received.properties).items() if value is not None} == {
        "content_type": "application/json",
        "message_id": str(message.message_id),
        "correlation_id": str(message.correlation_id),
        "app_id": "16988a78-87b5-4168-a5c3-2cfc2bab8e54",
        "type": "WorkflowRequestEvent",
        "delivery_mode": 2,
        "timestamp": int(CLOSED.timestamp()),
    }


def test_the_exchange_is_made_where_it_is_missing(rabbitmq: RabbitMQ) -> None:
    settings = settings_for(rabbitmq)
    RabbitMqPublisher(settings).check()
    exchange = rabbitmq.manage("GET", f"/exchanges/{settings.virtual_host}/monaideploy").json()
    assert (exchange["type"], exchange["durable"], exchange["auto_delete"]) == ("topic", True, False)


def test_an_exchange_of_another_kind_is_used_as_it_is(rabbitmq: RabbitMQ, message: Message) -> None:
    settings = settings_for(rabbitmq)
    with rabbitmq.connection(settings.virtual_host) as connection:
        channel = connection.channel()
        channel.exchange_declare(settings.exchange, ExchangeType("direct"), durable=True)
        channel.queue_declare("q", durable=True)
        channel.queue_bind("q", settings.exchange, ROUTING_KEY)
    RabbitMqPublisher(settings).check()
    publish(settings, message)
    assert len(rabbitmq.messages(settings.virtual_host, "q", 1)) == 1


def test_an_event_that_nobody_would_receive_is_not_published_and_says_so(rabbitmq: RabbitMQ, message: Message) -> None:
    settings = settings_for(rabbitmq)
    RabbitMqPublisher(settings).check()
    with pytest.raises(BrokerUnavailable) as error:
        publish(settings, message)
    assert str(error.value) == (
        f"the event broker at 127.0.0.1:{rabbitmq.port} was reached and its exchange monaideploy exists, but no queue "
        "is bound to the routing key md.workflow.request: nobody would receive the event"
    )
    rabbitmq.bind_queue(settings.virtual_host, settings.exchange, ROUTING_KEY)
    publish(settings, message)


def test_an_event_that_a_full_queue_rejects_is_not_published(rabbitmq: RabbitMQ, message: Message) -> None:
    settings = settings_for(rabbitmq)
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    rabbitmq.bind_queue(settings.virtual_host, settings.exchange, ROUTING_KEY, arguments=limits)
    with pytest.raises(BrokerUnavailable, match=r"could not take the message \(basic.nack\)"):  # noqa: PT012
        for _ in range(10):  # a quorum queue counts with some delay
            publish(settings, message)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"password": SecretStr("not the password")}, "refuses the user name or the password"),
        ({"username": "nobody"}, "refuses the user name or the password"),
        ({"virtual_host": "nowhere"}, "has no virtual host nowhere, or does not let the user in"),
    ],
)
def test_wrong_settings_are_refused_and_say_which(
    rabbitmq: RabbitMQ, message: Message, wrong: dict[str, object], told: str
) -> None:
    publisher = RabbitMqPublisher(settings_for(rabbitmq, **wrong))
    for attempt in (publisher.check, lambda: publisher.publish(message)):
        with pytest.raises(BrokerRefused, match=told) as error:
            attempt()
        assert "not the password" not in str(error.value)


def test_a_user_who_may_do_too_little_is_refused(rabbitmq: RabbitMQ, message: Message) -> None:
    settings = settings_for(rabbitmq)
    with pytest.raises(BrokerRefused, match=f"virtual host {settings.virtual_host}, or does not let the user in"):
        publish(user(rabbitmq, settings), message)
    may_publish = user(rabbitmq, settings, write="monaideploy")
    with pytest.raises(BrokerRefused, match="has no exchange monaideploy, and does not let the user make it"):
        publish(may_publish, message)
    rabbitmq.bind_queue(settings.virtual_host, settings.exchange, ROUTING_KEY)
    with pytest.raises(BrokerRefused, match="does not let the user publish to the exchange monaideploy"):
        publish(user(rabbitmq, settings, read=".*"), message)
    publish(may_publish, message)


def test_a_full_virtual_host_is_waited_for(rabbitmq: RabbitMQ, settings: RabbitMqSettings, message: Message) -> None:
    limit = f"/vhost-limits/{settings.virtual_host}/max-connections"
    rabbitmq.manage("PUT", limit, {"value": 0})
    with pytest.raises(BrokerUnavailable, match="connection limit"):
        publish(settings, message)
    rabbitmq.manage("DELETE", limit)
    publish(settings, message)


def test_a_broker_short_of_memory_is_waited_for(
    rabbitmq: RabbitMQ, settings: RabbitMqSettings, message: Message
) -> None:
    with (
        high_watermark(rabbitmq, "0"),
        pytest.raises(BrokerUnavailable, match="takes no messages just now: low on memory"),
    ):
        publish(settings, message)
    publish(settings, message)


def test_a_broker_that_freezes_before_it_confirms_holds_nobody_for_long(
    rabbitmq: RabbitMQ, settings: RabbitMqSettings, message: Message
) -> None:
    def freeze(piece: bytes) -> bytes:
        if message.body in piece:
            rabbitmq.server.freeze()
        return piece

    with (
        proxy(f"{settings.host}:{settings.port}", freeze) as address,
        thawed(rabbitmq.server),
        pytest.raises(BrokerUnavailable, match=r"did not confirm the message within 0\.5 s"),
    ):
        publish(through(address, settings), message, step_seconds=0.5)
    publish(settings, message)


def test_a_frozen_broker_is_not_waited_for_at_the_door(
    rabbitmq: RabbitMQ, settings: RabbitMqSettings, message: Message
) -> None:
    with thawed(rabbitmq.server):
        rabbitmq.server.freeze()
        with pytest.raises(BrokerUnavailable, match=r"did not open the connection within 0\.5 s"):
            publish(settings, message, step_seconds=0.5)


def test_a_broker_killed_before_it_confirms_gets_the_same_message_again(rabbitmq: RabbitMQ, message: Message) -> None:
    settings = settings_for(rabbitmq)
    bind_durably(rabbitmq, settings)

    def kill(piece: bytes) -> bytes:
        if message.body in piece:
            rabbitmq.server.kill()
        return piece

    with (
        proxy(f"{settings.host}:{settings.port}", kill) as address,
        pytest.raises(BrokerUnavailable, match="does not answer: the connection was cut"),
    ):
        publish(through(address, settings), message)
    rabbitmq.server.start()
    publish(settings, message)
    received = rabbitmq.messages(settings.virtual_host, ROUTING_KEY, 2, timeout_seconds=1)
    assert {each.properties.message_id for each in received} == {str(message.message_id)}


def test_a_port_that_does_not_speak_amqp_is_unavailable(rabbitmq: RabbitMQ) -> None:
    def garble(piece: bytes) -> bytes:
        return piece.replace(b"AMQP", b"HTTP")

    settings = settings_for(rabbitmq)
    with (
        proxy(f"{settings.host}:{settings.port}", garble) as address,
        pytest.raises(BrokerUnavailable, match="ended the connection before it spoke AMQP"),
    ):
        RabbitMqPublisher(through(address, settings)).check()


def test_a_name_that_does_not_resolve_is_unavailable(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(BrokerUnavailable, match=r"nowhere:\d+ does not answer: its name can't be resolved"):
        RabbitMqPublisher(settings_for(rabbitmq, host="nowhere")).check()


def test_a_ca_file_that_is_missing_is_a_wrong_setting(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(SettingsError, match="ca_file /nowhere"):
        RabbitMqPublisher(settings_for(rabbitmq, tls=True, ca_file=Path("/nowhere.pem")))


def test_the_broker_speaks_tls_with_whom_the_ca_file_vouches_for(tmp_path: Path, message: Message) -> None:
    certificate = self_signed(tmp_path / "certificates")
    with rabbitmq_peer.running(tmp_path / "rabbitmq") as broker:
        broker.server.stop()
        port = free_port()
        with (broker.server.directory / "rabbitmq.conf").open("a") as configuration:
            configuration.write(
                f"listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {certificate.file}\n"
                f"ssl_options.certfile = {certificate.file}\nssl_options.keyfile = {certificate.key}\n"
            )
        broker.server.start()
        settings = settings_for(broker, port=port, tls=True)
        broker.bind_queue(settings.virtual_host, settings.exchange, ROUTING_KEY)
        with pytest.raises(BrokerRefused, match="can't be used: its certificate is not trusted"):
            publish(settings, message)
        publish(settings.model_copy(update={"ca_file": certificate.file}), message)
        assert len(broker.messages(settings.virtual_host, ROUTING_KEY, 1)) == 1


def publish(settings: RabbitMqSettings, message: Message, step_seconds: float = 10) -> None:
    """Publish once, over a connection of its own."""
    publisher = RabbitMqPublisher(settings, step_seconds)
    try:
        publisher.publish(message)
    finally:
        publisher.close()


def through(address: str, settings: RabbitMqSettings) -> RabbitMqSettings:
    return settings.model_copy(update={"port": int(address.rpartition(":")[2])})


def user(rabbitmq: RabbitMQ, settings: RabbitMqSettings, **permissions: str) -> RabbitMqSettings:
    """Settings with a new user who has these permissions, and none beside them."""
    name = f"user-{len(permissions)}-{'-'.join(permissions)}"
    rabbitmq.manage("PUT", f"/users/{name}", {"password": "secret", "tags": ""})
    if permissions:
        patterns = {"configure": "^$", "write": "^$", "read": "^$"} | permissions
        rabbitmq.manage("PUT", f"/permissions/{settings.virtual_host}/{name}", patterns)
    return settings.model_copy(update={"username": name, "password": SecretStr("secret")})


@contextmanager
def thawed(server: Server) -> Iterator[None]:
    """Whatever happens in the block, the server runs again afterwards."""
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def high_watermark(rabbitmq: RabbitMQ, fraction: str) -> Iterator[None]:
    """Let the broker find that it uses too much memory."""
    _control(rabbitmq, "set_vm_memory_high_watermark", fraction)
    try:
        yield
    finally:
        _control(rabbitmq, "set_vm_memory_high_watermark", "0.4")


def _control(rabbitmq: RabbitMQ, *arguments: str) -> None:
    program = RABBITMQ.file("rabbitmq-server").with_name("rabbitmqctl")
    environment = {"HOME": str(rabbitmq.server.home), "PATH": "/usr/bin:/bin", **rabbitmq.server.environment}
    subprocess.run([program, *arguments], env=environment, check=True, capture_output=True)
