"""A DICOMweb service that is retrieved from: dicomweb-client for its queries, over a session of ours."""

from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Self

from dicomweb_client.uri import URI
from dicomweb_client.web import DICOMwebClient
from requests import Response

from gateway.web.errors import our_errors
from gateway.web.service import HttpTimeouts, Service
from gateway.web.session import open_session

_PARTS = 'multipart/related; type="application/dicom"'
_AS_STORED = f"{_PARTS}; transfer-syntax=*"
_REFUSES_WILDCARD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_ACCEPTABLE})


class Archive:
    """One service and its session; whether and when to ask again is for the caller. Not for several threads.

    `as_stored` turns false when the service refuses to give instances in the transfer syntax that they are stored in:
    from then on it is asked for whatever it chooses, which may be transcoded.
    """

    def __init__(self, service: Service, timeouts: HttpTimeouts | None = None, page_size: int = 200) -> None:
        """Raises SettingsError where the service's `ca_file` can't be used."""
        self.service = service
        self.timeouts = timeouts or HttpTimeouts()
        self.page_size = page_size
        self.as_stored = True
        self._session = open_session(service, self.timeouts)
        self._base = service.address._replace(scheme=service.address.scheme.lower()).geturl().rstrip("/")
        self.client = DICOMwebClient(self._base, session=self._session)
        self.client.set_http_retry_params(retry=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._session.close()

    def ask_for_parts(self, study: str, series: str | None, instance: str | None) -> Response:
        """Return the answer, whatever its status, to a WADO-RS request; its body is not read yet.

        Raises PeerUnavailable where none comes, PeerRefused where the service's certificate is not trusted.
        """
        address = str(URI(self._base, study, series, instance))
        if self.as_stored:
            answer = self._get(address, {"Accept": _AS_STORED})
            if answer.status_code not in _REFUSES_WILDCARD:
                return answer
            answer.close()
        plain = self._get(address, {"Accept": _PARTS})
        self.as_stored &= plain.status_code in _REFUSES_WILDCARD  # it was not the wildcard that it refused
        return plain

    def _get(self, address: str, headers: Mapping[str, str]) -> Response:
        with our_errors(self.service):
            return self._session.get(address, headers=dict(headers), stream=True)
