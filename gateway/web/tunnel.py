"""Through a forward proxy to a service that speaks TLS (RFC 9110 section 9.3.6), and what a proxy's refusal means."""

import re
import socket
import time
from collections.abc import Mapping
from http import HTTPStatus

from gateway.errors import PeerRefused, PeerUnavailable
from gateway.network.addresses import written
from gateway.network.connection_errors import causes
from gateway.network.proxies import Proxy

_LONGEST_ANSWER_BYTES = 65_536
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")
_TOLD_BY_URLLIB3 = re.compile(r"Tunnel connection failed: (\d{3})")

_REFUSALS: Mapping[int, str] = {
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "asks for credentials",
    HTTPStatus.FORBIDDEN: "does not allow it",
    HTTPStatus.METHOD_NOT_ALLOWED: "does not allow it",
}


class TunnelFailed(OSError):
    """A proxy has answered CONNECT with another status than success; None: not as a proxy does."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"CONNECT was answered with {status}")
        self.status = status


def open_tunnel(connected: socket.socket, proxy: Proxy, host: str, port: int, deadline: float) -> None:
    """Have the proxy at the other end of a connection pass on what follows. Raises OSError, TunnelFailed among it."""
    target = written(host, port)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *(f"{k}: {v}" for k, v in proxy.headers.items())]
    connected.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = b""
    while b"\r\n\r\n" not in answer:  # byte by byte: what follows belongs to TLS
        connected.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = connected.recv(1)
        answer += piece
        if not piece or len(answer) > _LONGEST_ANSWER_BYTES:
            raise TunnelFailed(None)
    status = _STATUS_LINE.match(answer)
    if not status or not status[1].startswith(b"2"):
        raise TunnelFailed(int(status[1]) if status else None)


def tunnel_refusal(who: str, proxy: Proxy | None, error: BaseException) -> PeerRefused | PeerUnavailable | None:
    """Return the error for a proxy that lets nobody through to `who`; None where something else went wrong."""
    for cause in causes(error):
        told = _TOLD_BY_URLLIB3.search(str(cause)) if isinstance(cause, OSError) else None
        if isinstance(cause, TunnelFailed) or told:
            status = cause.status if isinstance(cause, TunnelFailed) else int(told[1]) if told else None
            if status and status in _REFUSALS:
                return PeerRefused(f"{who} can't be reached: the proxy {proxy} {_REFUSALS[status]} (HTTP {status})")
            code = f" (HTTP {status})" if status else ""
            return PeerUnavailable(f"{who} can't be reached: the proxy {proxy} does not get through{code}")
    return None
