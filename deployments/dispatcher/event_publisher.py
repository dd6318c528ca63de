"""Publishes what the outbox holds, the oldest first, for as long as it takes."""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from gateway.config import load_settings
from gateway.errors import BrokerRefused, GatewayError, NobodyListens
from gateway.events import EventPublisher, open_publisher
from gateway.events.outbox import Outbox

_log = structlog.get_logger()


@dataclass
class OutboxPublisher:
    """Reads the settings anew each time, as a run does: an address may have been put right."""

    outbox: Outbox

    async def look(self) -> bool:
        """Publish all there is. Raises BrokerUnavailable and BrokerRefused: then the rest waits."""
        return await asyncio.to_thread(self._publish)

    def _publish(self) -> bool:
        if not self.outbox.depth()[0]:
            return True
        with closing(open_publisher(load_settings().settings)) as publisher:
            published, refusal = self._publish_all(publisher)
        if published:
            _log.info("events published", count=published)
        if refusal:
            raise refusal
        return published > 0

    def _publish_all(self, publisher: EventPublisher) -> tuple[int, GatewayError | None]:
        """Return how many were published, and the last refusal.

        One event that is refused holds up no other, and where nobody listens for events of one kind, those of others go
        out all the same.
        """
        published, refusal = 0, None
        passed_over: set[str] = set()
        while True:
            try:
                if not self.outbox.publish_next(publisher, datetime.now(UTC), passed_over):
                    return published, refusal
                published += 1
            except (BrokerRefused, NobodyListens) as error:
                refusal = error
