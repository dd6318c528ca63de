"""Publishes what the outbox holds, the oldest first, for as long as it takes."""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from gateway.config import load_settings
from gateway.events import open_publisher
from gateway.exports.outbox import Outbox

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
            published = 0
            while self.outbox.publish_next(publisher, datetime.now(UTC)):
                published += 1
        if published:
            _log.info("events published", count=published)
        return True
