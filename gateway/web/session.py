"""A session of `requests` for one service: credentials, certificates, limits of time and memory, and no chatter.

It keeps what client libraries do with it within bounds: they set no timeout (fhirclient), a wrong Host header
(dicomweb-client), and read an answer of any length into memory.
"""

import io
import logging
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager

from gateway import IMPLEMENTATION_VERSION_NAME
from gateway.errors import GatewayError
from gateway.network.trust import tls_context
from gateway.web.body import whole
from gateway.web.connecting import open_here
from gateway.web.service import HttpTimeouts, Service

LONGEST_ANSWER_BYTES = 64 * 1024 * 1024
"""What is read into memory of an answer that is not streamed."""

_MOST_REDIRECTS = 5

# These log addresses with their queries, headers, or what the service says: below an error not a line of theirs is
# free of patients.
_INDISCREET = ("dicomweb_client", "fhirclient", "urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")


def open_session(service: Service, timeouts: HttpTimeouts) -> Session:
    """Return a session that asks `service`. A redirect to another host or port is followed without the credentials.

    Environment and `.netrc` are not looked at. Raises SettingsError where the service's `ca_file` can't be used.
    """
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.ERROR)
    session = Session()
    session.trust_env = False
    session.max_redirects = _MOST_REDIRECTS
    session.auth = _Authorization(service)
    # Identity: servers zip short answers, which makes ours slower and theirs as well.
    session.headers.update({"User-Agent": IMPLEMENTATION_VERSION_NAME, "Accept-Encoding": "identity"})
    transport = _Transport(service, timeouts)
    session.mount("http://", transport)
    session.mount("https://", transport)
    return session


class _Authorization:
    """Lets us in. As `auth` of a session it is kept out of its headers, and dropped where a redirect leads away."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers.update(self._service.credentials())
        return request


class _Transport(HTTPAdapter):
    def __init__(self, service: Service, timeouts: HttpTimeouts) -> None:
        self._service = service
        self._timeouts = timeouts
        # The system's authorities take longer to load than a query: urllib3 does it, should we be led to https.
        self._tls = tls_context(service.ca_file) if service.is_secure or service.ca_file else None
        super().__init__(pool_connections=2, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **more)
        open_here(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **more: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, ssl_context=self._tls, **more)
        open_here(manager)
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        return self._service.proxy.headers if self._service.proxy else {}

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Our TLS context says whom to believe; `requests` would add the authorities of certifi to it."""

    def send(self, request: PreparedRequest, stream: bool = False, *_: Any, **__: Any) -> Response:
        """Send a request with our own timeouts and certificates, whatever the caller says of them."""
        request.headers.pop("Host", None)  # dicomweb-client's lacks the port: http.client knows better
        connect_and_read = (self._timeouts.connect_seconds, self._timeouts.answer_seconds)
        proxies = dict.fromkeys(("http", "https"), self._service.proxy.url) if self._service.proxy else None
        response = super().send(request, stream=stream, timeout=connect_and_read, proxies=proxies)
        if not stream or response.is_redirect:
            self._read(response)
        return response

    def _read(self, response: Response) -> None:
        try:
            body = whole(response, self._service, self._timeouts, LONGEST_ANSWER_BYTES)
        except GatewayError:
            response.close()
            raise
        response.raw = io.BytesIO(body)
