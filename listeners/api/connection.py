"""One connection of a client: who asks nothing on it, or not to the end, holds it for a while alone."""

import asyncio
from typing import Any

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.network.places import Unserved

log = structlog.get_logger(__name__)


class PatientForAWhile(H11Protocol):
    """Closes a connection on which a request does not begin in time, or whose head does not end: the first, or one
    that follows. While none is served it makes room for others.
    """

    def __init__(self, head_seconds: float, unserved: Unserved, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_seconds = head_seconds
        self._unserved = unserved
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()
        self._enter()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_serving:
            self._stop_watching()
        elif self._head_timer is None:
            self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_serving and not self.transport.is_closing():
            self._enter()

    def break_off(self, reason: str) -> None:
        log.debug("connection closed", reason=reason, address=self._address)
        self.transport.close()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _is_serving(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _enter(self) -> None:
        if not self._unserved.enter(self, self._address):
            self.transport.close()

    def _watch_head(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._close_unless_asked)

    def _stop_watching(self) -> None:
        self._unserved.leave(self)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_unless_asked(self) -> None:
        if not self._is_serving:
            self.transport.close()
