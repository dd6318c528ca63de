"""A TCP proxy that does to a connection what networks do."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PIECE_BYTES = 64 * 1024


@contextmanager
def proxy(to: str, change: Callable[[bytes], bytes]) -> Iterator[str]:
    """The address of a proxy to `to`. Each piece on its way there passes through `change`, which may take its time."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE_BYTES)
    clients: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve() -> None:
        with suppress(OSError):  # shut down: the end
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threads.append(_started(_carry, client, to, change))

    accepting = _started(serve)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        _shut_down(listener)
        accepting.join()
        listener.close()
        _shut_down(*clients)
        for thread in threads:
            thread.join()


def _carry(client: socket.socket, to: str, change: Callable[[bytes], bytes]) -> None:
    host, port = to.rsplit(":", 1)
    with client, suppress(ConnectionRefusedError), socket.create_connection((host, int(port))) as server:
        back = _started(_copy, server, client, bytes)
        _copy(client, server, change)
        back.join()


def _copy(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            target.sendall(change(piece))
    _shut_down(source, target)


def _shut_down(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _started(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments)
    thread.start()
    return thread
