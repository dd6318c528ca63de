"""An event as it would go out."""

import json
from typing import Any

from gateway.config import RabbitMqSettings, Settings
from gateway.events.port import Message
from gateway.operations.foreseeing.foreseen import ForeseenEvent


def foreseen_event(settings: Settings, message: Message, **made_later: str) -> ForeseenEvent:
    """Return what a message would be published as; `made_later` has what stands for values that nobody knows yet."""
    body: dict[str, Any] = json.loads(message.body)
    exchange = settings.events.exchange if isinstance(settings.events, RabbitMqSettings) else ""
    return ForeseenEvent(settings.events.kind, exchange, message.routing_key, body | made_later)
