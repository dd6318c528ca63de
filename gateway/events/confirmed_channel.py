"""An AMQP channel on which every message is confirmed, and every step ends within a given time.

pika's BlockingConnection bounds the making of a connection, and notices a broker that is dead. It waits for ever for
one that lives and does not confirm, as with a quorum queue that lost its majority. SelectConnection has timers.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

from pika import BasicProperties, ConnectionParameters
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker
from pika.exchange_type import ExchangeType
from pika.frame import Method
from pika.spec import Basic

_GOODBYE_SECONDS = 2
_DECLARATION_REFUSED = (403, 406)  # no permission to declare; or it is there, with other properties
_TOPIC = ExchangeType("topic")
_PENDING = object()


class NotInTime(Exception):
    """A step took too long. The text says which."""


class Blocked(Exception):
    """The broker takes no messages for want of memory or disk space. The text is what it says of that."""


class NotConfirmed(Exception):
    """The broker could not take the message (basic.nack)."""


class Unroutable(Exception):
    """The broker gave the message back: no queue is bound to its routing key (basic.return)."""


class ConfirmedChannel:
    """A connection with one channel, for one thread. Any method but `close` may raise AMQPError or NotInTime."""

    def __init__(self, parameters: ConnectionParameters, exchange: str, step_seconds: float) -> None:
        self._parameters = parameters
        self._exchange = exchange
        self._step_seconds = step_seconds
        self._loop = IOLoop()
        self._outcome: object = _PENDING
        self._returned = False
        self._connection: _Connection | None = None
        self._channel: Channel | None = None

    def open(self) -> None:
        """Connect, and declare the durable topic exchange, or use it as it is."""
        self._connection = self._step("open the connection", self._connect)
        self._channel = self._open_channel()
        try:
            declare = partial(self._channel.exchange_declare, self._exchange, _TOPIC, durable=True)
            self._step("declare the exchange", lambda: declare(callback=self._settle))
        except ChannelClosedByBroker as refusal:
            if refusal.reply_code not in _DECLARATION_REFUSED:
                raise
            self._channel = self._open_channel()
        confirm = self._channel.confirm_delivery
        self._step("agree on confirms", lambda: confirm(self._answered, callback=self._settle))

    def publish(self, routing_key: str, body: bytes, properties: BasicProperties) -> None:
        """Return once the broker has taken charge of the message. Raises Blocked, NotConfirmed or Unroutable."""
        self._returned = False
        publish = partial(cast(Channel, self._channel).basic_publish, self._exchange, routing_key, body)
        self._step("confirm the message", lambda: publish(properties, mandatory=True))

    def close(self) -> None:
        """Close the connection: in good order if the broker answers at once."""
        connection = self._connection
        if connection and connection.is_open and not isinstance(self._outcome, Blocked | NotInTime):
            with suppress(AMQPError, NotInTime):
                self._step("say goodbye", connection.close, _GOODBYE_SECONDS)
        if connection and not connection.is_closed:
            with suppress(AMQPError, NotInTime):
                self._step("end the connection", connection.cut)
        self._loop.close()

    def _connect(self) -> None:
        self._connection = _Connection(
            self._parameters,
            on_open_callback=self._settle,
            on_open_error_callback=lambda _, error: self._settle(error),
            on_close_callback=lambda _, error: self._settle(error),
            custom_ioloop=self._loop,
        )
        self._connection.add_on_connection_blocked_callback(lambda _, frame: self._settle(Blocked(frame.method.reason)))

    def _open_channel(self) -> Channel:
        connection = cast(_Connection, self._connection)
        channel = cast(Channel, self._step("open a channel", lambda: connection.channel(on_open_callback=self._settle)))
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._give_back)
        return channel

    def _step(self, what: str, begin: Callable[[], object], seconds: float | None = None) -> Any:
        """Run the loop until a callback settles what `begin` began. Returns or raises the outcome."""
        self._outcome = _PENDING
        begin()
        timer = self._loop.call_later(seconds or self._step_seconds, lambda: self._settle(NotInTime(what)))
        self._loop.start()
        self._loop.remove_timeout(timer)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _settle(self, outcome: object) -> None:
        if self._outcome is _PENDING:
            self._outcome = outcome
            self._loop.stop()

    def _channel_closed(self, _: Channel, error: Exception) -> None:
        if cast(_Connection, self._connection).is_open:  # else the connection's own end is what matters
            self._settle(error)

    def _give_back(self, *_: object) -> None:
        self._returned = True  # and then it is confirmed

    def _answered(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        if isinstance(frame.method, Basic.Nack):
            self._settle(NotConfirmed())
        else:
            self._settle(Unroutable() if self._returned else None)


class _Connection(SelectConnection):
    def cut(self) -> None:
        """End the connection without the broker's help.

        `close` waits for an answer that a frozen or blocked broker never gives. What pika itself calls in such a case
        is private to it; a test with a frozen broker holds it to that.
        """
        self._terminate_stream(AMQPError())  # type: ignore[attr-defined]
