"""The heartbeats of a node's loops. Each loop touches a file of its own as it turns, and so tells when it last did.

A flag would say that a loop was begun, not that it goes on. Of a process that has ended nothing is told here: its lock
says that. No disk is flushed, and a disk that is full stops no loop.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.clock import Clock, SystemClock
from gateway.disk.lock_file import LockHolder, holder_of
from gateway.disk.paths import Paths
from gateway.spool.area import scp_area
from gateway.spool.owner import owner_of

RECEIVER, CONSUMER, DISPATCHER, WORKER = "scp", "exports", "dispatch", "worker"
ROLES = (RECEIVER, CONSUMER, DISPATCHER, WORKER)
"""The processes of which a data directory has one each. An API answers for itself."""

STEP_SECONDS = 300.0
"""What a loop does at a turn may take so long: each question to a part ends before."""

_BEAT_SECONDS = 1.0  # a file is touched no more often

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Beat:
    """A loop of a process that runs: when it last turned, and what it told with that."""

    role: str
    loop: str
    last: datetime
    longest: timedelta  # without a turn
    facts: Facts

    def is_late(self, now: datetime) -> bool:
        """Whether it has turned for longer than it may need."""
        return now - self.last > self.longest


@dataclass
class Heart:
    """The heartbeat of one loop, as long as the loop goes on: a context manager that removes its file at the end."""

    file: Path
    said: Facts
    clock: Clock
    _next: float = field(default=0.0, init=False)  # monotonic
    _written: Facts | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.beat()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.file.unlink(missing_ok=True)

    def beat(self, facts: Callable[[], Facts] = dict) -> None:
        """The loop turns. Cheap when called often: `facts` is asked once a second."""
        if (now := self.clock.monotonic()) < self._next:
            return
        self._next = now + _BEAT_SECONDS
        told = facts()
        with suppress(OSError):
            if told == self._written:
                os.utime(self.file)
            else:
                self._write(told)
                self._written = told

    def _write(self, told: Facts) -> None:
        new = self.file.with_name(f".{self.file.name}")
        new.write_text(json.dumps({**self.said, "facts": told}))
        new.replace(self.file)


@dataclass
class Hearts:
    """The loops of one process. What an earlier process with its role has left is removed."""

    paths: Paths
    role: str
    clock: Clock = field(default_factory=SystemClock)
    _names: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        with suppress(OSError):
            self.paths.beats.mkdir(parents=True, exist_ok=True)
            for file in self.paths.beats.glob(f"{self.role}.*"):
                file.unlink(missing_ok=True)

    def of(self, loop: str, longest_seconds: float) -> Heart:
        """The heart of a loop that turns at least every so often. A second loop of that name is called `name-2`."""
        self._names.append(loop)
        number = self._names.count(loop)
        name = loop if number == 1 else f"{loop}-{number}"
        file = self.paths.beats / f"{self.role}.{re.sub(r'[^A-Za-z0-9_-]', '-', name)}"
        said = {"role": self.role, "loop": name, "process": os.getpid(), "longest_seconds": longest_seconds}
        return Heart(file, said, self.clock)


def holder_of_role(paths: Paths, role: str) -> LockHolder | None:
    """Return the process that has the role on this data directory now, None where nobody has."""
    return owner_of(scp_area(paths.spool).root) if role == RECEIVER else holder_of(paths.role_lock(role))


def beats(paths: Paths) -> list[Beat]:
    """Return the loops of the processes that run on this data directory, by role and name."""
    holders = {role: holder_of_role(paths, role) for role in ROLES}
    found = []
    for file in sorted(paths.beats.glob("[!.]*")):
        with suppress(OSError, ValueError, LookupError, TypeError):  # it has ended meanwhile, or is none of ours
            told = json.loads(file.read_bytes())
            holder = holders[told["role"]]
            if holder and holder.process_id == told["process"]:
                last = datetime.fromtimestamp(file.stat().st_mtime, UTC)
                longest = timedelta(seconds=told["longest_seconds"])
                found.append(Beat(told["role"], told["loop"], last, longest, told["facts"]))
    return found
