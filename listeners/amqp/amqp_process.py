"""The consumer of export requests as a process: it connects, and connects again for as long as it takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from pika.adapters.blocking_connection import BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from gateway.config import RabbitMqSettings, Settings
from gateway.database import check_database
from gateway.errors import DatabaseRefused, GatewayError, SettingsError
from gateway.events.rabbitmq import connection_parameters
from gateway.events.rabbitmq_errors import our_error
from gateway.exports.ledger import ExportLedger
from gateway.exports.request import ROUTING_KEY_PREFIX
from gateway.operations.condition.heartbeat import CONSUMER, STEP_SECONDS, Hearts
from gateway.work.back_off import BackOff
from gateway.work.outage import Outages
from listeners.amqp.consumer import Consumer

_DELAYS = BackOff(first_seconds=0.5, longest_seconds=30.0)
_STEP_SECONDS = 15.0

log = structlog.get_logger(__name__)


def serve(settings: Settings, stopping: threading.Event) -> None:
    """Consume until `stopping` is set. Raises SettingsError where no broker is configured, and DatabaseRefused."""
    if not isinstance(settings.events, RabbitMqSettings):
        raise SettingsError('events.kind: "rabbitmq" is needed here; without a broker there is `mig export submit`')
    ledger = ExportLedger.of(settings)
    queues = {f"{ROUTING_KEY_PREFIX}.{agent}": agent for agent in _agents(settings)}
    outages, delays = Outages(), _DELAYS.delays()
    heart = Hearts(settings.paths, CONSUMER).of("consuming", STEP_SECONDS)
    consumer = Consumer(settings.events, queues, ledger, stopping, outages, heart.beat)
    log.info("consumer ready", ready=True, queues=" ".join(queues))
    try:
        while not stopping.is_set():
            heart.beat()
            try:
                check_database(ledger.engine)
                with _connected(settings.events) as connection:
                    outages.over(serve)
                    delays = _DELAYS.delays()
                    consumer.consume(connection)
            except DatabaseRefused:
                raise
            except (GatewayError, *_BROKEN) as error:
                outages.began(_in_words(error, settings.events), serve)
                stopping.wait(next(delays))
    finally:
        ledger.close()
    log.info("consumer stopped")


_BROKEN = (AMQPError, AMQPConnectorException)


def _agents(settings: Settings) -> tuple[str, str]:
    return settings.scu.agent_name, settings.dicomweb.agent_name


@contextmanager
def _connected(settings: RabbitMqSettings) -> Iterator[BlockingConnection]:
    parameters = connection_parameters(settings)
    parameters.stack_timeout = _STEP_SECONDS
    connection = BlockingConnection(parameters)
    try:
        yield connection
    finally:
        if connection.is_open:
            with suppress(AMQPError):
                connection.close()


def _in_words(error: Exception, settings: RabbitMqSettings) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    return our_error(error, settings, "", _STEP_SECONDS)
