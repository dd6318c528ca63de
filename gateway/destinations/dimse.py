"""Destinations that take C-STORE (PS3.4 annex B)."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.config import DimseDestination
from gateway.destinations.part10 import deliver_part10
from gateway.destinations.port import OutgoingFile
from gateway.dicom.store_outcome import StoreOutcome
from gateway.dimse import store
from gateway.dimse.echo import echo
from gateway.dimse.peer import Peer, Timeouts

_PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DimseAdapter:
    """An application entity, called under its own calling AE title or else under ours."""

    settings: DimseDestination
    our_ae_title: str

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def retry_for_seconds(self) -> float:
        return self.settings.retry_for_seconds

    @property
    def address(self) -> str:
        return self.settings.address

    def deliver(
        self, files: Sequence[OutgoingFile], stopping: threading.Event, *, together: bool = True
    ) -> Iterator[tuple[OutgoingFile, StoreOutcome]]:
        """By one association, with a window of asynchronous operations where it grants that."""
        timeouts = Timeouts(
            connect_seconds=self.settings.connect_seconds,
            answer_seconds=self.settings.answer_seconds,
            slowest_bytes_per_second=self.settings.slowest_bytes_per_second,
        )
        at_once = self.settings.operations_at_once if together else 1
        return deliver_part10(files, lambda found: store.store_files(self._peer, timeouts, found, stopping, at_once))

    def probe(self) -> None:
        """C-ECHO (PS3.4 annex A)."""
        echo(self._peer, Timeouts(_PROBE_SECONDS, negotiate_seconds=_PROBE_SECONDS, answer_seconds=_PROBE_SECONDS))

    @property
    def _peer(self) -> Peer:
        called, calling = self.settings.ae_title, self.settings.calling_ae_title or self.our_ae_title
        return Peer(self.settings.host, self.settings.port, called, calling)
