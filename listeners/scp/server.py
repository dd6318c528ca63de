"""The listening socket and the threads behind it: one for each connection that has a place."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import structlog

from gateway.associations.record import AssociationRecord, Outcome
from gateway.dimse.association_request import LONGEST_REQUEST_BYTES
from gateway.dimse.connection import Connection
from gateway.errors import SettingsError
from gateway.network.addresses import listen_on, plain_address, written
from gateway.network.places import Unserved
from listeners.scp.association import IncomingAssociation, ReceiverContext
from listeners.scp.places import UNACCEPTED_AT_ONCE

log = structlog.get_logger(__name__)

_BACKLOG = 1024  # who comes behind a crowd is not to be turned away by the kernel
_POLL_SECONDS = 0.5
_STOPPED = "the receiver was stopped"


class ScpServer:
    """Accepts connections until it is stopped. Bound, and so reachable, once it is made."""

    def __init__(self, services: ReceiverContext) -> None:
        """Raises SettingsError where the address is in use or can't be bound."""
        self._services = services
        self._settings = services.settings
        self._unaccepted = Unserved(services.registry.is_stranger, UNACCEPTED_AT_ONCE)
        self._open: dict[threading.Thread, Connection] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._nobody_accepts = threading.Event()
        self._nobody_accepts.set()
        try:
            self._listening = listen_on(self._settings.hosts, self._settings.port, _BACKLOG)
        except OSError as error:
            where = ", ".join(written(host, self._settings.port) for host in self._settings.hosts)
            raise SettingsError(f"scp.port: can't listen on {where}: {error.strerror}") from error
        self._ready = selectors.DefaultSelector()
        for each in self._listening:
            each.settimeout(_POLL_SECONDS)
            self._ready.register(each, selectors.EVENT_READ)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listening[0].getsockname()[1])

    @property
    def open_associations(self) -> int:
        """How many connections are being served."""
        return len(self._open)

    def serve(self, stopping: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Accept connections until `stopping` is set. `beat` is called at each turn, twice a second at least."""
        self._nobody_accepts.clear()
        try:
            self._accept(stopping, beat)
        finally:
            self._nobody_accepts.set()

    def stop(self, grace_seconds: float) -> None:
        """Take no more, let associations end for `grace_seconds`, then break them off. What was answered stays."""
        self._stopped = True
        for each in self._listening:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # which wakes who waits for a connection
        if self._nobody_accepts.wait(_POLL_SECONDS):  # who is closed on before is not woken
            self._ready.close()
        for each in self._listening:
            each.close()
        deadline = time.monotonic() + grace_seconds
        for thread in self._threads():
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            left = list(self._open.items())
        for _, connection in left:
            connection.break_off(_STOPPED)
        for thread, _ in left:
            thread.join(1.0)

    def _accept(self, stopping: threading.Event, beat: Callable[[], None]) -> None:
        while not stopping.is_set() and not self._stopped:
            beat()
            for ready, _ in self._ready.select(_POLL_SECONDS):
                assert isinstance(ready.fileobj, socket.socket)
                try:
                    connected, peer = ready.fileobj.accept()
                except TimeoutError:
                    continue
                except OSError as error:
                    if self._stopped:
                        return
                    # out of descriptors, or the peer went away at once
                    log.error("a connection could not be accepted", reason=error.strerror)
                    stopping.wait(_POLL_SECONDS)
                    continue
                self._begin(connected, plain_address(str(peer[0])), int(peer[1]))

    def _threads(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._open)

    def _begin(self, connected: socket.socket, address: str, port: int) -> None:
        connection = Connection(connected, max(self._settings.max_pdu_bytes, LONGEST_REQUEST_BYTES))
        if not self._unaccepted.enter(connection, address):
            self._close_unheard(connection, address, port)
            return
        accepted = partial(self._unaccepted.leave, connection)
        association = IncomingAssociation(self._services, connection, address, port, accepted)
        run = (association, connection, address)
        thread = threading.Thread(target=self._run, args=run, name=f"association {address}")
        thread.daemon = True
        with self._lock:
            self._open[thread] = connection
        thread.start()

    def _close_unheard(self, connection: Connection, address: str, port: int) -> None:
        reason = f"too many connections ask for nothing: {self._unaccepted.held_by()}"
        log.warning("connection closed unheard", address=address, reason=reason)
        now_ns = self._services.intake.clock.time_ns()
        unheard = AssociationRecord(uuid4(), address, now_ns, now_ns, Outcome.UNHEARD, reason, port=port)
        self._services.keeper.note(unheard)
        connection.close()

    def _run(self, association: IncomingAssociation, connection: Connection, address: str) -> None:
        # Also what a library logs in this thread names the peer.
        with self._counted(connection), structlog.contextvars.bound_contextvars(address=address):
            try:
                association.run()
            except Exception:
                log.exception("an association failed in a way that nobody foresaw")
                connection.close()

    @contextmanager
    def _counted(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        finally:
            self._unaccepted.leave(connection)
            with self._lock:
                del self._open[threading.current_thread()]
