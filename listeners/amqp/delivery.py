"""What is done with a message: its request is kept, or it goes to the dead letters with its reason in the log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from pika import BasicProperties

from gateway.errors import UnreadableRequest
from gateway.exports.ledger import ExportLedger
from gateway.exports.request import read_export_request

_REQUIRED = ("message_id", "app_id", "content_type", "correlation_id", "timestamp")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it was delivered. `agent` is the last part of its routing key."""

    tag: int
    agent: str
    properties: BasicProperties
    body: bytes


def take(delivery: Delivery, ledger: ExportLedger, now: Callable[[], datetime]) -> bool:
    """Keep the request that a message carries; False where it can't be understood.

    On return it may be acknowledged: the request survives a power cut. Raises DatabaseUnavailable and DatabaseRefused.
    """
    properties = delivery.properties
    missing = [name for name in _REQUIRED if getattr(properties, name) is None]
    if missing:
        return _give_up(delivery, f"the message has no {', '.join(missing)}")
    try:
        request = read_export_request(delivery.body, delivery.agent, str(properties.correlation_id))
    except UnreadableRequest as error:
        return _give_up(delivery, str(error))
    is_new = ledger.record(request, now())
    text = "export requested" if is_new else "export requested again, nothing changes"
    log.info(text, export=str(request.export_id), agent=delivery.agent, files=len(request.files))
    return True


def _give_up(delivery: Delivery, reason: str) -> bool:
    message_id = delivery.properties.message_id
    log.error("message can't be understood, goes to the dead letters", message_id=message_id, reason=reason)
    return False
