"""A client for each source, made when it is first asked and kept until all is done."""

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from gateway.dicomweb.archive import Archive
from gateway.fhir.client import FhirClient
from gateway.web.service import HttpPatience, Service


class Peers:
    """The services of a request, by the index of their source. Not for several threads."""

    def __init__(self, services: Mapping[int, Service], patience: HttpPatience, page_size: int) -> None:
        self._services = services
        self._patience = patience
        self._page_size = page_size
        self._archives: dict[int, Archive] = {}
        self._fhir_clients: dict[int, FhirClient] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def archive(self, source: int) -> Archive:
        """The DICOMweb service of a source. Raises SettingsError where its `ca_file` can't be used."""
        if source not in self._archives:
            archive = Archive(self._services[source], self._patience, self._page_size)
            self._archives[source] = self._open.enter_context(archive)
        return self._archives[source]

    def fhir(self, source: int) -> FhirClient:
        """The FHIR server of a source. Raises SettingsError where its `ca_file` can't be used."""
        if source not in self._fhir_clients:
            client = FhirClient(self._services[source], self._patience)
            self._fhir_clients[source] = self._open.enter_context(client)
        return self._fhir_clients[source]
