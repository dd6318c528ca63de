"""The contract of an event publisher, and what it publishes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it goes out. Published again, it is the same message: its ids derive from what it is about.

    `again` is when an operator had it said again, though the broker has had it; None where nobody had.
    """

    routing_key: str
    type: str
    message_id: UUID
    correlation_id: UUID | str  # that of a request is repeated to the letter
    body: bytes  # JSON
    timestamp: datetime
    about: str  # what Prefect's event feed shows it with, e.g. payload.{id}
    again: datetime | None = None


class EventPublisher(Protocol):
    """Hands events to whoever waits for them. For one thread."""

    def publish(self, message: Message) -> None:
        """Return once the event is safe with the broker. Raises BrokerUnavailable or BrokerRefused.

        After an error the event may have gone out all the same: publish it again, it is known by its id.
        """

    def check(self) -> None:
        """Return if the broker can be used now; else raise what `publish` would raise."""

    def close(self) -> None:
        """Give back what is held. Nothing is lost: what `publish` returned for is with the broker."""
