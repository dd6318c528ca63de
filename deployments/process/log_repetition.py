"""What is logged again and again is counted: the first at once, then one line a minute, for each kind and peer.

A peer that sends garbage makes a warning with each connection, some with each byte; so does a library that meets it.
Work that fails is no matter of this: a record of ours that names no peer is always written.
"""

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TextIO

import structlog

from deployments.process.log_rendering import LONGEST_FOREIGN_TEXT
from gateway.clock import Clock, SystemClock

WINDOW_SECONDS = 60.0
MOST_KINDS = 1000  # beyond them only places in the code are told apart, of which there are not many

_DOORS = "listeners."  # whose warnings tell of others' doing, also where they name no peer
_NEVER_COUNTED = frozenset({"time", "level", "role"})

_log = structlog.get_logger(__name__)


class Kind(NamedTuple):
    """What is counted together: where it is logged, of whom, and what else tells it from others of the same place."""

    place: str
    peer: str = ""
    of: str = ""


@dataclass(slots=True)
class Repeated:
    """What was logged once, and how often since."""

    level: int
    event: str
    peer: str
    since: float
    times: int = 0


@dataclass
class Repetitions:
    """Counts by kind. Time is monotonic seconds."""

    most_kinds: int = MOST_KINDS
    _kinds: OrderedDict[Kind, Repeated] = field(default_factory=OrderedDict, init=False)  # the oldest window first

    def is_first(self, kind: Kind, record: logging.LogRecord, now: float) -> bool:
        """Whether nothing of this kind was logged within a window; else it is counted."""
        if kind not in self._kinds and len(self._kinds) >= self.most_kinds:
            kind = Kind(kind.place)
        if known := self._kinds.get(kind):
            known.times += 1
            return False
        self._kinds[kind] = Repeated(record.levelno, _event_of(record), kind.peer, now)
        return True

    def due(self, now: float) -> Iterator[Repeated]:
        """What was repeated in a window that is over, each once; a new window begins with it. The rest is forgotten."""
        while self._kinds:
            kind, known = next(iter(self._kinds.items()))
            if known.since + WINDOW_SECONDS > now:
                return
            del self._kinds[kind]
            if known.times:
                self._kinds[kind] = Repeated(known.level, known.event, known.peer, now)
                yield known

    @property
    def any_counted(self) -> bool:
        return any(known.times for known in self._kinds.values())


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes records to a stream, those of one kind once a minute. The last counts are told when it is closed."""

    def __init__(self, stream: TextIO, clock: Clock | None = None) -> None:
        super().__init__(stream)
        self._clock = clock or SystemClock()
        self._repetitions = Repetitions()
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(self._clock.monotonic())
        kind = kind_of(record)
        if kind is None or self._repetitions.is_first(kind, record, self._clock.monotonic()):
            super().emit(record)
        elif self._timer is None:
            self._look_later()

    def close(self) -> None:
        with self._locked():
            if self._timer:
                self._timer.cancel()
            self._tell(math.inf)
        super().close()

    def _tell(self, now: float) -> None:
        for each in list(self._repetitions.due(now)):
            peer = {"address": each.peer} if each.peer else {}
            _log.log(each.level, f"{each.event}: again", times=each.times, within_seconds=WINDOW_SECONDS, **peer)

    def _look_later(self) -> None:
        self._timer = threading.Timer(WINDOW_SECONDS, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._locked():
            self._timer = None
            self._tell(self._clock.monotonic())
            if self._repetitions.any_counted:
                self._look_later()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()


def kind_of(record: logging.LogRecord) -> Kind | None:
    """What a record is counted with; None where each is written."""
    if record.levelno < logging.WARNING or record.name == __name__:
        return None
    place = f"{record.name} {record.pathname}:{record.lineno}"
    if not is_ours(record):
        of = record.getMessage() if record.name == "py.warnings" else getattr(record, "flow_run_id", "")
        return Kind(place, str(structlog.contextvars.get_contextvars().get("address", "")), str(of))
    fields = _fields(record)
    if "address" in fields:
        return Kind(place, str(fields["address"]))
    if record.name.startswith(_DOORS):
        return Kind(place, of=str(sorted((key, str(fields[key])) for key in fields.keys() - _NEVER_COUNTED)))
    return None


def is_ours(record: logging.LogRecord) -> bool:
    """Whether structlog has made it, and so the gateway's own code."""
    return hasattr(record, "_logger") and isinstance(record.msg, dict)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    assert isinstance(record.msg, dict)
    return record.msg


def _event_of(record: logging.LogRecord) -> str:
    """What it says, without what it says it of."""
    return str(_fields(record).get("event", "")) if is_ours(record) else record.getMessage()[:LONGEST_FOREIGN_TEXT]
