"""uvicorn, with two changes: it sleeps while nobody asks, and who asks nothing holds no place against who does.

Its own loop wakes ten times a second, for a date that `limits` adds and an exit that a signal can announce.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway.config.sections import ApiSettings
from gateway.errors import SettingsError
from gateway.network.addresses import listen_on
from gateway.network.places import Unserved
from listeners.api.connection import PatientForAWhile

_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 5
_MOST_CONNECTIONS = 500
_UNSERVED_AT_ONCE = 400  # of them

log = structlog.get_logger(__name__)


class ApiServer(uvicorn.Server):
    """Serves one application until `stop`. Its process keeps its signals."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(PatientForAWhile, settings.head_seconds, Unserved(_nobody, _UNSERVED_AT_ONCE)),  # type: ignore[arg-type]
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


def _nobody(_address: str) -> bool:
    """Of clients none is a stranger: nobody names them."""
    return False
