"""Queues, exchanges and dead letters as MONAI Deploy declares them; what exists in another form is used as it is."""

from collections.abc import Callable

import structlog
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import ChannelClosedByBroker
from pika.exchange_type import ExchangeType

from gateway.config import RabbitMqSettings
from gateway.errors import BrokerRefused

_REFUSED, _ABSENT, _DIFFERENT = 403, 404, 406
_TOPIC = ExchangeType("topic")

log = structlog.get_logger(__name__)


def declare(connection: BlockingConnection, settings: RabbitMqSettings, queue: str) -> None:
    """Have a durable quorum queue bound to its own name, whose dead letters go to a queue that can be looked into.

    Raises BrokerRefused where the queue is missing and may not be made.
    """
    dead_letters = f"{queue}-dead-letter"
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": settings.delivery_limit,
        "x-dead-letter-exchange": settings.dead_letter_exchange,
    }
    for exchange in (settings.exchange, settings.dead_letter_exchange):
        _unless_there(connection, f"exchange {exchange}", _exchange(exchange))
    there = _unless_there(connection, f"queue {queue}", _queue(queue, arguments))
    if not there and not _is_there(connection, queue):
        raise BrokerRefused(f"the event broker has no queue {queue}, and does not let the user make it")
    _unless_there(connection, f"queue {dead_letters}", _queue(dead_letters, None))
    _unless_there(connection, f"binding of {queue}", _binding(queue, settings.exchange, queue))
    bound = _binding(dead_letters, settings.dead_letter_exchange, queue)
    _unless_there(connection, f"binding of {dead_letters}", bound)


def _exchange(name: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.exchange_declare(name, _TOPIC, durable=True)


def _queue(name: str, arguments: dict[str, object] | None) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.queue_declare(name, durable=True, arguments=arguments)


def _binding(queue: str, exchange: str, routing_key: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.queue_bind(queue, exchange, routing_key)


def _unless_there(connection: BlockingConnection, what: str, step: Callable[[BlockingChannel], object]) -> bool:
    """Take a step of which a refusal is said and changes nothing else: it costs the channel, so each has its own."""
    channel = connection.channel()
    try:
        step(channel)
    except ChannelClosedByBroker as refusal:
        if refusal.reply_code not in (_REFUSED, _ABSENT, _DIFFERENT):
            raise
        log.warning("used as it is", what=what, code=refusal.reply_code, reason=refusal.reply_text)
        return False
    channel.close()
    return True


def _is_there(connection: BlockingConnection, queue: str) -> bool:
    channel = connection.channel()
    try:
        channel.queue_declare(queue, passive=True)
    except ChannelClosedByBroker as refusal:
        if refusal.reply_code != _ABSENT:
            raise
        return False
    channel.close()
    return True
