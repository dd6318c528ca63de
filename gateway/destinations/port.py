"""Where results go: what every destination is to an export, of whichever kind.

A kind is one module beside this one, its settings in `gateway.config.registered`, and a row in `kinds`.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.dicom.store_outcome import StoreOutcome


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file on its way out: where it lies now, and the key that it has in the object store. It may be of any kind."""

    number: int
    path: Path
    key: str


class Destination(Protocol):
    """One place where results go. What it answers is judged here, by the Standard that its kind follows."""

    @property
    def name(self) -> str:
        """By which its circuit breaker is known."""

    @property
    def retry_for_seconds(self) -> float:
        """Its retry window: how long an export waits for it while it is away."""

    @property
    def address(self) -> str:
        """Where it is, for a person."""

    def deliver(
        self, files: Sequence[OutgoingFile], stopping: threading.Event, *, together: bool = True
    ) -> Iterator[tuple[OutgoingFile, StoreOutcome]]:
        """Deliver files, and yield each with its outcome as it comes: at most what it is set to is on its way.

        Not `together`, the next goes out only when what became of the one before it is known. What this kind can't
        carry is UNSUPPORTED, and takes no other file with it.

        Raises PeerUnavailable, after the files that were on their way were yielded as transient, and PeerRefused. Ends
        early, in good order, when `stopping` is set.
        """

    def probe(self) -> None:
        """Ask whether it is there. Raises PeerUnavailable and PeerRefused."""
