"""Every TCP connection that leads out by HTTP is opened here, whichever library asks for it."""

import socket
import sys

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager


def connect(host: str, port: int, connect_seconds: float | None) -> socket.socket:
    """Return a connection to a host; each of its addresses is given so long. Raises OSError, gaierror among it."""
    connected = socket.create_connection((host.strip("[]"), port), connect_seconds)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def open_here(pools: PoolManager) -> None:
    """Have the connections of a pool manager of urllib3 opened by `connect`, before it has made any."""
    pools.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def opened(connection: HTTPConnection) -> socket.socket:
    """What urllib3's `_new_conn` is to return: its hook for those who open connections their own way."""
    seconds = connection.timeout if isinstance(connection.timeout, float | int) else None
    try:
        connected = connect(connection.host, connection.port or 0, seconds)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "connecting has timed out") from error
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that can't be encoded for the name service
        raise NewConnectionError(connection, "no connection") from error
    sys.audit("http.client.connect", connection, connection.host, connection.port)
    return connected


class PlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return opened(self)


class SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return opened(self)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = SecureConnection
