"""One HTTP request and its answer, within limits of time and of memory.

A connection for each request: one that was kept could have been closed by the peer meanwhile, and then nobody knows
whether the request was heard.
"""

import http.client
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message

from gateway import IMPLEMENTATION_VERSION_NAME
from gateway.errors import PeerRefused, PeerUnavailable
from gateway.network.connection_errors import is_untrusted, reason
from gateway.network.trust import tls_context
from gateway.web.connecting import connect
from gateway.web.service import HttpTimeouts, Service
from gateway.web.tunnel import open_tunnel, tunnel_refusal
from gateway.web.wire import Wire

_LONGEST_ANSWER_BYTES = 16 * 1024 * 1024
_READ_BYTES = 65_536
_LAST_WORDS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: its type, its exact length, and its pieces."""

    content_type: str
    bytes: int
    pieces: Iterable[bytearray]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What to ask for. `resource` lies below the service's base address, e.g. `studies?limit=1`."""

    method: str
    resource: str
    accept: str
    body: Body | None = None

    @property
    def headers(self) -> dict[str, str]:
        carried = {"Content-Type": self.body.content_type, "Content-Length": str(self.body.bytes)} if self.body else {}
        ours = {"Accept": self.accept, "Connection": "close", "User-Agent": IMPLEMENTATION_VERSION_NAME}
        return ours | carried


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer. Its body may name patients. It is not `whole` where it was cut off, or longer than we read."""

    status: int
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)
    whole: bool


class Client:
    """Asks one service, once for each call: whether and when to ask again is for the caller."""

    def __init__(self, service: Service, timeouts: HttpTimeouts | None = None) -> None:
        """Raises SettingsError where the service's `ca_file` can't be used."""
        self.service = service
        self._timeouts = timeouts or HttpTimeouts()
        self._tls = tls_context(service.ca_file) if service.is_secure else None

    def ask(self, request: HttpRequest) -> HttpAnswer:
        """Return whatever is answered.

        An answer that comes while the body still goes out ends the sending. Raises PeerUnavailable where none comes,
        PeerRefused where the service's certificate is not trusted.
        """
        deadline = time.monotonic() + self._timeouts.request_seconds(request.body.bytes if request.body else 0)
        with self._our_errors(), closing(Wire(self._connected(deadline), self._timeouts, deadline)) as wire:
            unsent = self._send(request, wire)
            try:
                return _read_answer(request, wire)
            except (OSError, http.client.HTTPException) as error:
                if unsent is None:
                    raise
                raise unsent from error

    def _send(self, request: HttpRequest, wire: Wire) -> OSError | None:
        """Send the request; return what went wrong on the way, which an answer may explain."""
        connection = self._connection()
        connection.sock = wire
        try:
            connection.putrequest(request.method, self._target(request.resource))
            for name, value in (request.headers | self.service.credentials() | self._for_the_proxy()).items():
                connection.putheader(name, value)
            connection.endheaders()
            for piece in request.body.pieces if request.body else ():
                if wire.has_answered():
                    break
                connection.send(piece)
        except OSError as error:
            wire.hurry(_LAST_WORDS_SECONDS)
            return error
        return None

    def _connection(self) -> http.client.HTTPConnection:
        """What writes the request and reads the answer; it is given its socket, and makes none."""
        address = self.service.address
        assert address.hostname
        if self._tls is None:
            return http.client.HTTPConnection(address.hostname, address.port)
        return http.client.HTTPSConnection(address.hostname, address.port, context=self._tls)

    def _target(self, resource: str) -> str:
        """The path of a resource; a proxy wants its address in full, unless it only passes on what TLS hides."""
        path = self.service.path(resource)
        if self.service.proxy is None or self._tls:
            return path
        return f"http://{self.service.address.netloc}{path}"

    def _for_the_proxy(self) -> dict[str, str]:
        return self.service.proxy.headers if self.service.proxy and not self._tls else {}

    def _connected(self, deadline: float) -> socket.socket:
        address, proxy = self.service.address, self.service.proxy
        assert address.hostname
        port = address.port or (443 if self._tls else 80)
        to = (proxy.host, proxy.port) if proxy else (address.hostname, port)
        connected = connect(*to, self._timeouts.connect_seconds)
        if self._tls is None:
            return connected
        try:
            if proxy:
                deadline = min(deadline, time.monotonic() + self._timeouts.connect_seconds)
                open_tunnel(connected, proxy, address.hostname, port, deadline)
                connected.settimeout(self._timeouts.connect_seconds)
            return self._tls.wrap_socket(connected, server_hostname=address.hostname)
        except OSError:
            connected.close()
            raise

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that can't be encoded for the name service
            if refusal := tunnel_refusal(str(self.service), self.service.proxy, error):
                raise refusal from error
            if is_untrusted(error):
                raise PeerRefused(f"{self.service} can't be used: {reason(error)}") from error
            raise PeerUnavailable(f"{self.service} does not answer{self.service.way}: {reason(error)}") from error
        except http.client.HTTPException as error:
            raise PeerUnavailable(f"{self.service} does not answer as an HTTP server does") from error


def _read_answer(request: HttpRequest, wire: Wire) -> HttpAnswer:
    response = http.client.HTTPResponse(wire, method=request.method)  # type: ignore[arg-type]  # all it needs is there
    response.begin()
    body, whole = bytearray(), True
    try:
        while (piece := response.read(_READ_BYTES)) and len(body) < _LONGEST_ANSWER_BYTES:
            body += piece
    except (OSError, http.client.HTTPException):  # the status is known, and may be all that is needed
        whole = False
    return HttpAnswer(response.status, response.headers, bytes(body), whole and not piece and not response.length)
