"""One connection to the broker: requests are taken one by one, and acknowledged when they are durable."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.spec import Basic

from gateway.config import RabbitMqSettings
from gateway.errors import BrokerUnavailable, DatabaseUnavailable
from gateway.exports.ledger import ExportLedger
from gateway.work.outage import Outages
from listeners.amqp.delivery import Delivery, take
from listeners.amqp.topology import declare

_LOOK_SECONDS = 1  # at `stopping`; what comes is taken at once
_DATABASE_SECONDS = 2

log = structlog.get_logger(__name__)


@dataclass
class Consumer:
    """Consumes from `queues`, which are given with the agent that each is for."""

    settings: RabbitMqSettings
    queues: Mapping[str, str]
    ledger: ExportLedger
    stopping: threading.Event
    outages: Outages
    beat: Callable[[], None] = lambda: None  # called at each turn
    _waiting: deque[Delivery] = field(default_factory=deque, init=False)

    def consume(self, connection: BlockingConnection) -> None:
        """Consume until `stopping` is set.

        Raises AMQPError where the connection ends, BrokerUnavailable where the broker ends the consumption,
        BrokerRefused where a queue can't be had, DatabaseRefused where the database does not let it work.
        """
        self._waiting.clear()  # of another connection: they are delivered again
        for queue in self.queues:
            declare(connection, self.settings, queue)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self.settings.prefetch)
        for queue, agent in self.queues.items():
            channel.basic_consume(queue, self._keeper(agent))
        cancelled = threading.Event()
        channel.add_on_cancel_callback(lambda _: cancelled.set())
        log.info("consuming export requests")
        while not self.stopping.is_set():
            self.beat()
            connection.process_data_events(time_limit=self._pause_seconds())
            self._take_all(channel)
            if cancelled.is_set():
                raise BrokerUnavailable("the event broker ended the consumption: a queue was deleted, or has moved")

    def _keeper(self, agent: str) -> Callable[[BlockingChannel, Basic.Deliver, BasicProperties, bytes], None]:
        def keep(_: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
            assert method.delivery_tag is not None
            self._waiting.append(Delivery(method.delivery_tag, agent, properties, body))

        return keep

    def _take_all(self, channel: BlockingChannel) -> None:
        """Take what has come. While the database is away it stays unacknowledged: a rejection counts as a delivery."""
        while self._waiting:
            delivery = self._waiting[0]
            try:
                understood = take(delivery, self.ledger, lambda: datetime.now(UTC))
            except DatabaseUnavailable as error:
                self.outages.began(error, self.consume)
                return
            self.outages.over(self.consume)
            self._waiting.popleft()
            if understood:
                channel.basic_ack(delivery.tag)
            else:
                channel.basic_nack(delivery.tag, requeue=False)

    def _pause_seconds(self) -> int:
        return _DATABASE_SECONDS if self._waiting else _LOOK_SECONDS
