"""One FHIR server: fhirclient's requests over a session of ours.

Its models are not used: they refuse what is merely odd, and nothing that is kept goes through them. No capability
statement is asked for.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Self

from fhirclient.server import (
    FHIRNotFoundException,
    FHIRPermissionDeniedException,
    FHIRServer,
    FHIRUnauthorizedException,
)
from requests import HTTPError, Response

from gateway.errors import GatewayError, NotAtPeer, PeerRefused
from gateway.fhir.document import is_resource
from gateway.fhir.names import FhirFormat, FhirVersion
from gateway.fhir.outcome import issue_codes
from gateway.web.errors import our_errors, refused_answer, status_of
from gateway.web.service import HttpTimeouts, Service
from gateway.web.session import open_session
from gateway.web.statuses import refusal

_NOT_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_REFUSALS = (FHIRUnauthorizedException, FHIRPermissionDeniedException, FHIRNotFoundException, HTTPError)


class FhirClient:
    """Asks one server, once for each call: whether and when to ask again is for the caller. Not for several threads."""

    def __init__(self, service: Service, timeouts: HttpTimeouts | None = None) -> None:
        """Raises SettingsError where the service's `ca_file` can't be used."""
        self.service = service
        self.base = f"{service.url.rstrip('/')}/"
        self._server = FHIRServer(None, self.base)
        self._server.session.close()
        self._server.session = open_session(service, timeouts or HttpTimeouts())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._server.session.close()

    def read(self, resource_type: str, resource_id: str, form: FhirFormat, version: FhirVersion) -> bytes:
        """Return a resource as the server writes it. Raises PeerUnavailable or PeerRefused; no text names the id.

        Type and id have been checked against FHIR's patterns: fhirclient joins them to the address as links.
        """
        document = self.ask(f"{resource_type}/{resource_id}", form, version, f"has no such {resource_type}")
        if not is_resource(document, form, resource_type, resource_id):
            raise PeerRefused(f"{self.service} answers with something else than the {resource_type} that was asked for")
        return document

    def ask(self, link: str, form: FhirFormat, version: FhirVersion, says_not_found: str) -> bytes:
        """Return what is at `link`, relative to the base or absolute. It was checked to lead nowhere else."""
        accept = f"application/fhir+{form.extension}; fhirVersion={version.number}"
        with self._our_errors(says_not_found):
            document: bytes = self._server.request_data(link, headers={"Accept": accept})
        return document

    def probe(self) -> None:
        """Ask for the capability statement, and don't read it. Raises PeerUnavailable or PeerRefused, which say why."""
        with (
            our_errors(self.service),
            closing(self._server.session.get(f"{self.base}metadata", stream=True)) as answer,
        ):
            if not answer.ok:
                raise refused_answer(self.service, answer)

    @contextmanager
    def _our_errors(self, says_not_found: str) -> Iterator[None]:
        with our_errors(self.service):
            try:
                yield
            except _REFUSALS as error:
                raise self._refused(error.response, says_not_found) from None

    def _refused(self, answer: Response, says_not_found: str) -> GatewayError:
        status = status_of(answer, ", ".join(issue_codes(answer.content)))
        if status.code in _NOT_THERE:
            return NotAtPeer(f"{self.service} {says_not_found} {status}")
        return refusal(self.service, status)
