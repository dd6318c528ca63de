"""What the receiver of this node has noted of associations is taken into the database, and goes when it is old."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from gateway.associations.journal import Journal
from gateway.associations.record import AssociationRecord, cut_by_its_receiver
from gateway.associations.store import AssociationStore

_log = structlog.get_logger()


@dataclass(slots=True)
class KeptAssociations:
    """From the journal of a node into the tables. What is taken twice, after a crash, is kept once.

    `receives` says whether a receiver runs on the node: one that was killed can't say that it has ended.
    """

    journal: Journal
    store: AssociationStore
    node_id: UUID
    keep: timedelta
    receives: Callable[[], bool]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _left: Sequence[AssociationRecord] = field(default=(), init=False)  # taken in as cut
    _were_open: bool = field(default=True, init=False)  # in the tables: a dispatcher before this one may have left some

    async def take(self) -> bool:
        """Take all there are. Raises what the database's being away raises: then the rest stays in the journal."""
        try:
            return await asyncio.to_thread(self._take)
        except OSError as error:
            _log.warning("the journal of associations can't be read", reason=error.strerror or str(error))
            return False

    async def remove_old(self) -> bool:
        """Remove those that have ended for longer than they are kept."""
        removed = await asyncio.to_thread(self.store.remove_older, self.now() - self.keep)
        if removed:
            _log.info("associations removed: their term is over", associations=removed)
        return True

    def _take(self) -> bool:
        has_asked = False
        open_now, left = self._open_and_left()
        while segment := self.journal.take():
            self.store.take_in(segment.records, self.node_id)
            self.journal.remove(segment)
            has_asked = True
        if left != self._left:
            self.store.take_in(left, self.node_id)
            self._left, has_asked = left, True
        if open_now or self._were_open:
            self.store.renew(open_now, self.node_id)
            has_asked, self._were_open = True, bool(open_now)
        return has_asked

    def _open_and_left(self) -> tuple[Sequence[AssociationRecord], Sequence[AssociationRecord]]:
        """Those that are open, and those that a receiver has left open which is gone: the next will say the same.

        Whether there is one is asked last: if it is gone then, all that it had to say lies in the journal, and none of
        these is that of a next one.
        """
        told = self.journal.open_now()
        return (told, []) if not told or self.receives() else ([], [cut_by_its_receiver(each) for each in told])
