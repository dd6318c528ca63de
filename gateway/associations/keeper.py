"""Records on their way from the threads of associations into the journal: one append there, the rest beside them.

The thread of an association appends to a bounded queue. Another looks names up, joins refusals, and writes. Where the
disk takes nothing, records wait in memory: the newest are kept, and how many are lost is said.

Once a second that thread also asks those that are open how far they are; who ends before is written once.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.associations.contexts import described, refusal_of
from gateway.associations.journal import Journal
from gateway.associations.record import AssociationRecord, cut_by_its_receiver
from gateway.associations.refusals import Refusals
from gateway.clock import Clock, SystemClock
from gateway.log import Logger

MOST_WAITING = 1000
_GATHER_SECONDS = 0.1  # what comes together is written together
_COUNTS_SECONDS = 5.0  # a count that grows is written this often
_ROUND_SECONDS = 1.0  # those that are open are told of this often
_IDLE_SECONDS = 60.0
_END_SECONDS = 10.0  # for a disk that hangs

_log = Logger(__name__)


@dataclass(slots=True)
class _Open:
    """An association that has not ended. Its contexts do not change: their names are looked up once."""

    so_far: Callable[[], AssociationRecord]
    described: AssociationRecord | None = None

    def record(self) -> AssociationRecord:
        record = self.so_far()
        if self.described is None:
            self.described = _described(record)
        return replace(record, contexts=self.described.contexts, reason=self.described.reason)


class AssociationKeeper:
    """Takes records from any thread; `running` writes them to the journal meanwhile."""

    def __init__(self, journal: Journal, clock: Clock | None = None) -> None:
        self._journal = journal
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()  # held for an append, or for the exchange of the queue
        self._arrived: deque[AssociationRecord] = deque(maxlen=MOST_WAITING)
        self._open: dict[UUID, _Open] = {}  # as many as the receiver accepts at once
        self._came = threading.Event()
        self._stopping = threading.Event()
        self._refusals = Refusals()
        self._unwritten: dict[UUID, AssociationRecord] = {}  # the latest of each, the oldest first
        self._due = 0.0  # monotonic: when they are to be written
        self._round_due = 0.0  # monotonic: when those that are open are to be told of
        self._not_before = 0.0  # monotonic: the disk has just refused
        self._has_told_open = True  # a receiver before this one may have
        self._lost = 0
        self._is_told = False

    def opened(self, association_id: UUID, so_far: Callable[[], AssociationRecord]) -> None:
        """It has begun: until its end is noted, `so_far` is asked what to tell of it, by another thread."""
        with self._lock:
            if not self._open:
                self._round_due = self._clock.monotonic() + _ROUND_SECONDS
            self._open[association_id] = _Open(so_far)
        self._came.set()

    def note(self, record: AssociationRecord) -> None:
        """Keep it: it has ended. At once, whatever the disk does."""
        with self._lock:
            self._open.pop(record.association_id, None)
            if len(self._arrived) == MOST_WAITING:
                self._lost += 1
            self._arrived.append(record)
        self._came.set()

    @contextmanager
    def running(self) -> Iterator["AssociationKeeper"]:
        """Write what is noted, within this block and what is left at its end."""
        thread = threading.Thread(target=self._run, name="associations", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            self._came.set()
            thread.join(_END_SECONDS)

    def _run(self) -> None:
        self._recover()
        while not self._stopping.is_set():
            self._came.wait(self._seconds_until_due())
            self._stopping.wait(_GATHER_SECONDS)
            self._came.clear()
            self._step()
        self._due = self._round_due = self._not_before = 0.0
        self._step()

    def _recover(self) -> None:
        """Those that a receiver before this one has left open: their end is its own."""
        try:
            left = self._journal.open_now()
        except OSError as error:
            _log.warning("associations that were open can't be read", reason=error.strerror or str(error))
            return
        for each in left:
            self._unwritten[each.association_id] = cut_by_its_receiver(each)

    def _step(self) -> None:
        try:
            open_now = self._gather()
            if self._unwritten and self._clock.monotonic() >= max(self._due, self._not_before):
                self._write()
            if self._clock.monotonic() >= max(self._round_due, self._not_before):
                self._write_open(open_now)
        except Exception:  # noqa: BLE001 - the outermost frame of a thread
            _log.exception("records of associations are lost", lost=len(self._unwritten))
            self._unwritten.clear()

    def _seconds_until_due(self) -> float:
        due = [self._due] if self._unwritten else []
        if self._open or self._has_told_open:
            due.append(self._round_due)
        return max(0.0, max(min(due), self._not_before) - self._clock.monotonic()) if due else _IDLE_SECONDS

    def _gather(self) -> Sequence[_Open]:
        """Take what has arrived; return those that were open at that moment."""
        with self._lock:
            arrived, self._arrived = self._arrived, deque(maxlen=MOST_WAITING)
            open_now = list(self._open.values())
        for each in arrived:
            record = self._refusals.joined(_described(each))
            delay_seconds = _COUNTS_SECONDS if record.times > 1 else 0.0
            due = self._clock.monotonic() + delay_seconds
            self._due = min(self._due, due) if self._unwritten else due
            self._unwritten[record.association_id] = record
        while len(self._unwritten) > MOST_WAITING:
            del self._unwritten[next(iter(self._unwritten))]
            self._count_lost(1)
        return open_now

    def _write(self) -> None:
        try:
            appended = self._journal.append(list(self._unwritten.values()))
        except OSError as error:
            self._refused_by_the_disk(error)
            return
        self._unwritten.clear()
        self._count_lost(appended.lost)
        if appended.is_full:
            self._tell("associations are not taken into the database: the newest stay in the journal")
        elif self._is_told or self._lost:
            with self._lock:
                lost, self._lost = self._lost, 0
            _log.warning("associations are kept again", lost=lost)
            self._is_told = False

    def _write_open(self, open_now: Sequence[_Open]) -> None:
        """After those that have ended: who is in that file no longer has its end in the journal."""
        self._round_due = self._clock.monotonic() + _ROUND_SECONDS
        if not open_now and not self._has_told_open:
            return
        try:
            self._journal.write_open([each.record() for each in open_now])
        except OSError as error:
            self._refused_by_the_disk(error)
            return
        self._has_told_open = bool(open_now)

    def _refused_by_the_disk(self, error: OSError) -> None:
        self._not_before = self._clock.monotonic() + _COUNTS_SECONDS
        self._tell("associations can't be noted: the newest wait in memory", reason=error.strerror or str(error))

    def _count_lost(self, count: int) -> None:
        with self._lock:
            self._lost += count

    def _tell(self, event: str, **about: object) -> None:
        """Say it once, until all is well again: then it is said how many are lost."""
        if not self._is_told:
            _log.warning(event, **about)
        self._is_told = True


def _described(record: AssociationRecord) -> AssociationRecord:
    """The record with the names of what was asked for, and the sentence about what of it is not served."""
    if not record.contexts:
        return record
    contexts = described(record.contexts)
    reason = "; ".join(filter(None, (record.reason, refusal_of(record.contexts))))
    return replace(record, contexts=contexts, reason=reason)
