"""The HTTP connections to an S3 service: bounded waits, no retries, and room for slow links.

urllib3 sends a request under the *connect* timeout, and a plain socket takes that for the whole body: an object of
32 MiB would have to leave within it. Here a body leaves in pieces, each of which has time of its own.
"""

from ssl import SSLContext
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection

from gateway.network.proxies import Proxy
from gateway.web.connecting import PlainConnection, SecureConnection

_PIECE_BYTES = 256 * 1024
_STALLED_SECONDS = 60


def http_pool(
    connections: int, tls: SSLContext | None, proxy: Proxy | None = None, connect_seconds: float = 5
) -> PoolManager:
    """A pool that keeps `connections` open for the threads that share it."""
    how: dict[str, Any] = {
        "maxsize": connections,
        "retries": False,
        "timeout": Timeout(connect=connect_seconds, read=_STALLED_SECONDS),
        "ssl_context": tls,
    }
    pool = ProxyManager(proxy.url, proxy_headers=proxy.headers, **how) if proxy else PoolManager(**how)
    pool.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pool


class _HTTPConnection(PlainConnection):
    def send(self, data: Any) -> None:
        for piece in _pieces(self, data):
            super().send(piece)


class _HTTPSConnection(SecureConnection):
    def send(self, data: Any) -> None:
        for piece in _pieces(self, data):
            super().send(piece)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def _pieces(connection: HTTPConnection, data: bytes) -> "list[memoryview]":
    if connection.sock is None:
        connection.connect()
    connection.sock.settimeout(_STALLED_SECONDS)
    view = memoryview(data)
    return [view[start : start + _PIECE_BYTES] for start in range(0, len(view), _PIECE_BYTES)]
