"""Destinations that take STOW-RS (PS3.18 section 10.5): registered ones, and those that an inference request names."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.config import DicomWebDestination
from gateway.destinations.part10 import deliver_part10
from gateway.destinations.port import OutgoingFile
from gateway.dicom.store_outcome import StoreOutcome
from gateway.dicomweb import query, store
from gateway.network.proxies import proxy_at
from gateway.web.client import Client
from gateway.web.service import HttpTimeouts, Service

_PROBE_SECONDS = 10.0
_ONE = store.BatchLimits(most_files=1)


@dataclass(frozen=True, slots=True)
class DicomWebAdapter:
    """A DICOMweb service, with what lets us in."""

    name: str
    service: Service
    retry_for_seconds: float = 3600.0
    requests_at_once: int = 2
    connect_seconds: float = 10.0
    answer_seconds: float = 120.0
    slowest_bytes_per_second: int = 100_000

    @classmethod
    def of(cls, settings: DicomWebDestination, _our_ae_title: str) -> "DicomWebAdapter":
        service = Service(
            settings.url,
            username=settings.username,
            password=settings.password.get_secret_value(),
            token=settings.token.get_secret_value(),
            ca_file=settings.ca_file,
            name=settings.name,
            proxy=proxy_at(settings.proxy.get_secret_value()),
        )
        return cls(
            settings.name,
            service,
            settings.retry_for_seconds,
            settings.requests_at_once,
            settings.connect_seconds,
            settings.answer_seconds,
            settings.slowest_bytes_per_second,
        )

    @property
    def address(self) -> str:
        return self.service.url

    def deliver(
        self, files: Sequence[OutgoingFile], stopping: threading.Event, *, together: bool = True
    ) -> Iterator[tuple[OutgoingFile, StoreOutcome]]:
        """In batches, several requests at once."""
        client = self._client(self.answer_seconds)
        if together:
            return deliver_part10(
                files, lambda found: store.store_files(client, found, stopping, at_once=self.requests_at_once)
            )
        return deliver_part10(files, lambda found: store.store_files(client, found, stopping, _ONE, at_once=1))

    def probe(self) -> None:
        """QIDO-RS for one study."""
        query.probe(self._client(_PROBE_SECONDS))

    def _client(self, answer_seconds: float) -> Client:
        timeouts = HttpTimeouts(
            connect_seconds=self.connect_seconds,
            answer_seconds=answer_seconds,
            slowest_bytes_per_second=self.slowest_bytes_per_second,
        )
        return Client(self.service, timeouts)
