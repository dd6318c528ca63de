"""What nobody needs any more: working areas whose request is announced, gone or at work elsewhere, credentials, and
events that the broker has had.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from gateway.events.outbox import Outbox
from gateway.inference.row import RequestRow, RequestState
from gateway.inference.store import RequestStore
from gateway.retrieval.areas import Areas

KEEP_PUBLISHED = timedelta(days=7)
"""How long it can be looked up that, and when, the broker had an event. Nothing else asks for it: what a payload was
announced with is kept apart, and is said again without it.
"""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Removes them. Those of failed requests go with their credentials: a retry before that goes on with them."""

    areas: Areas
    store: RequestStore
    outbox: Outbox
    keep_failed: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def look(self) -> bool:
        await asyncio.to_thread(self._remove)
        erased = await asyncio.to_thread(self.store.erase_expired, self.now(), self.keep_failed)
        if erased:
            _log.info("credentials erased: their term is over", requests=erased)
        while removed := await asyncio.to_thread(self.outbox.remove_published, self.now() - KEEP_PUBLISHED):
            _log.info("published events removed: their term is over", events=removed)
        return True

    def _remove(self) -> None:
        for state in self.areas.states():
            if not state.in_use and self.areas.remove(state.request_id, self._is_wanted):
                _log.info("working area removed", request=str(state.request_id))

    def _is_wanted(self, request_id: UUID, epoch: int | None) -> bool:
        row = self.store.find(request_id)
        if row is None or row.uploaded or _is_elsewhere(row, epoch):
            return False
        if row.state is RequestState.FAILED:
            return row.ended is None or row.ended > self.now() - self.keep_failed
        return not row.state.is_over


def _is_elsewhere(row: RequestRow, epoch: int | None) -> bool:
    """Whether a later holder has been at work since, and not here."""
    return row.fencing_token > (epoch or 0) and row.state is RequestState.RUNNING
