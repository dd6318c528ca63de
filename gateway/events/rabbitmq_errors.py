"""What RabbitMQ, or the way to it, may answer, as an error of ours."""

import re

from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorPhaseErrorBase
from pika.exceptions import AMQPConnectionError, ChannelClosed, ConnectionClosed, IncompatibleProtocolError

from gateway.config import RabbitMqSettings
from gateway.errors import BrokerNotSetUp, BrokerUnavailable, GatewayError, NobodyListens
from gateway.events.confirmed_channel import Blocked, NotConfirmed, NotInTime, Unroutable
from gateway.network.connection_errors import is_untrusted, reason

# A broker that ends the opening of a connection is quoted in pika's error: "… (530) 'NOT_ALLOWED - vhost …'".
_QUOTED_REPLY = re.compile(r"""\((\d{3})\) ['"](.*)['"]""")

_NOT_FOR_GOOD = re.compile("limit|is down")


def our_error(error: Exception, settings: RabbitMqSettings, routing_key: str, step_seconds: float) -> GatewayError:
    """What went wrong on the way to the exchange, for an operator to read."""
    broker = f"the event broker at {settings.host}:{settings.port}"
    cause = _innermost(error)
    reply = _reply(cause)
    if reply is not None:
        return _replied(*reply, broker, settings)
    if is_untrusted(cause):
        return BrokerNotSetUp(f"{broker} can't be used: {reason(cause)}")
    match cause:
        case Unroutable():
            return NobodyListens(
                f"{broker} was reached and its exchange {settings.exchange} exists, but no queue is bound to the "
                f"routing key {routing_key}: nobody would receive the event"
            )
        case NotInTime():
            text = f"did not {cause} within {step_seconds:g} s"
        case Blocked():
            text = f"takes no messages just now: {cause}"
        case NotConfirmed():
            text = "could not take the message (basic.nack)"
        case IncompatibleProtocolError():
            text = "ended the connection before it spoke AMQP: see events.port and events.tls"
        case _:
            text = f"does not answer: {reason(cause)}"
    return BrokerUnavailable(f"{broker} {text}")


def _innermost(error: BaseException) -> BaseException:
    """What pika's layers of connection making are wrapped around."""
    match error:
        case AMQPConnectionError(args=(BaseException() as wrapped, *_)):
            return _innermost(wrapped)
        case AMQPConnectionWorkflowFailed():
            return _innermost(error.exceptions[-1])
        case AMQPConnectorPhaseErrorBase():
            return _innermost(error.exception)
        case _:
            return error


def _reply(error: BaseException) -> tuple[int, str] | None:
    """The code and the text with which the broker closed the channel or the connection."""
    if isinstance(error, ChannelClosed | ConnectionClosed):
        return error.reply_code, error.reply_text
    quoted = _QUOTED_REPLY.search(str(error)) if isinstance(error, AMQPConnectionError) else None
    return (int(quoted[1]), quoted[2]) if quoted else None


def _replied(code: int, text: str, broker: str, settings: RabbitMqSettings) -> GatewayError:
    if code == 403 and "Login" in text:
        return BrokerNotSetUp(f"{broker} refuses the user name or the password")
    if code == 403:
        return BrokerNotSetUp(f"{broker} does not let the user publish to the exchange {settings.exchange}")
    if code == 404:
        return BrokerNotSetUp(f"{broker} has no exchange {settings.exchange}, and does not let the user make it")
    if code == 530 and not _NOT_FOR_GOOD.search(text):
        return BrokerNotSetUp(
            f"{broker} has no virtual host {settings.virtual_host}, or does not let the user in ({text})"
        )
    return BrokerUnavailable(f"{broker} ended the connection: {text}")
