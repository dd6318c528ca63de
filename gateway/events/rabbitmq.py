"""Events over RabbitMQ, as MONAI Deploy's components expect them."""

import logging
import time

from pika import BasicProperties, ConnectionParameters, PlainCredentials, SSLOptions
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from gateway.config import RabbitMqSettings
from gateway.events.confirmed_channel import Blocked, ConfirmedChannel, NotConfirmed, NotInTime, Unroutable
from gateway.events.port import Message
from gateway.events.rabbitmq_errors import our_error
from gateway.network.trust import tls_context

# By this id MONAI Deploy's consumers know who sends.
APP_ID = "16988a78-87b5-4168-a5c3-2cfc2bab8e54"

_STEP_SECONDS = 10
_HEARTBEAT_SECONDS = 10

# While nothing is published no heartbeat is answered, so the broker lets the connection go after a while.
_REUSE_SECONDS = 5

_FAILURES = (AMQPError, AMQPConnectorException, NotInTime, Blocked, NotConfirmed, Unroutable)

# It logs the bodies of messages that are given back, and every error that is raised here as well.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class RabbitMqPublisher:
    """Publishes persistent, mandatory messages and waits for the broker's confirmation of each."""

    def __init__(self, settings: RabbitMqSettings, step_seconds: float = _STEP_SECONDS) -> None:
        self._settings = settings
        self._step_seconds = step_seconds
        self._parameters = connection_parameters(settings)
        self._channel: ConfirmedChannel | None = None
        self._used = 0.0

    def publish(self, message: Message) -> None:
        try:
            channel = self._open_channel()
            channel.publish(message.routing_key, message.body, _properties(message))
            self._used = time.monotonic()
        except _FAILURES as error:
            self.close()
            raise our_error(error, self._settings, message.routing_key, self._step_seconds) from error

    def check(self) -> None:
        channel = self._new_channel()
        try:
            channel.open()
        except _FAILURES as error:
            raise our_error(error, self._settings, "", self._step_seconds) from error
        finally:
            channel.close()

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _open_channel(self) -> ConfirmedChannel:
        if time.monotonic() - self._used > _REUSE_SECONDS:
            self.close()
        if self._channel is None:
            self._channel = self._new_channel()
            self._channel.open()
        return self._channel

    def _new_channel(self) -> ConfirmedChannel:
        return ConfirmedChannel(self._parameters, self._settings.exchange, self._step_seconds)


def connection_parameters(settings: RabbitMqSettings) -> ConnectionParameters:
    """How the broker is reached."""
    parameters = ConnectionParameters(
        host=settings.host,
        port=settings.port,
        virtual_host=settings.virtual_host,
        credentials=PlainCredentials(settings.username, settings.password.get_secret_value()),
        client_properties={"connection_name": "informatics-gateway"},
        heartbeat=_HEARTBEAT_SECONDS,
        socket_timeout=_STEP_SECONDS / 2,  # so that a name's second address gets its turn
    )
    parameters.stack_timeout = None  # the whole step is bounded here
    if settings.tls:
        parameters.ssl_options = SSLOptions(tls_context(settings.ca_file), settings.host)
    return parameters


def _properties(message: Message) -> BasicProperties:
    return BasicProperties(
        content_type="application/json",
        delivery_mode=2,  # persistent
        message_id=str(message.message_id),
        correlation_id=str(message.correlation_id),
        app_id=APP_ID,
        type=message.type,
        timestamp=int(message.timestamp.timestamp()),
    )
