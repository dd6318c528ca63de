"""uvicorn, with two changes: it sleeps while nobody asks, and hangs up on who connects and asks nothing.

Its own loop wakes ten times a second, for a date that `limits` adds and an exit that a signal can announce.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.config.sections import ApiSettings
from gateway.errors import SettingsError
from gateway.network.addresses import listen_on

_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 5
_MOST_CONNECTIONS = 500

log = structlog.get_logger(__name__)


class ApiServer(uvicorn.Server):
    """Serves one application until `stop`. Its process keeps its signals."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_protocol(settings.head_seconds),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # its lines have the path, and so a transaction id
                date_header=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                limit_concurrency=_MOST_CONNECTIONS,
            )
        )
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for each in sockets or ():
            log.info("API ready", ready=True, port=each.getsockname()[1])

    async def main_loop(self) -> None:
        await self._stopping.wait()

    def stop(self) -> None:
        """End when the requests that are being served have been."""
        self.should_exit = True
        self._stopping.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def listening(settings: ApiSettings) -> Iterator[list[socket.socket]]:
    """The sockets that the settings name. Raises SettingsError where this machine can't give them."""
    try:
        sockets = listen_on(settings.hosts, settings.port, backlog=256)
    except OSError as error:
        hosts = ", ".join(settings.hosts)
        raise SettingsError(f"api: can't listen on {hosts} port {settings.port}: {error.strerror or error}") from error
    try:
        yield sockets
    finally:
        for each in sockets:
            each.close()


def _protocol(head_seconds: float) -> type[H11Protocol]:
    class PatientForAWhile(H11Protocol):
        """Closes a connection on which no request has begun in time, or whose first head does not end."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._head_timer = self.loop.call_later(head_seconds, self._close_unless_asked)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_timer.cancel()
            super().connection_lost(exc)

        def _close_unless_asked(self) -> None:
            if self.cycle is None:
                self.transport.close()

    return PatientForAWhile
