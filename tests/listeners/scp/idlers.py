"""Connections that ask for nothing, held by a process of their own, which opens again what is closed.

`python -m tests.listeners.scp.idlers PORT FROM COUNT HEX`: from that address, each sends these bytes and no more.
"""

import selectors
import socket
import sys
import time
from contextlib import suppress

_ROUND_SECONDS = 0.1


def hold(port: int, address: str, count: int, begin: bytes) -> None:
    """Hold so many connections until killed."""
    held = selectors.DefaultSelector()
    while True:
        while len(held.get_map()) < count:
            with suppress(OSError):
                connection = socket.create_connection(("127.0.0.1", port), 1, source_address=(address, 0))
                connection.sendall(begin)
                held.register(connection, selectors.EVENT_READ)
        print("at it", flush=True)
        for key, _ in held.select(0):
            held.unregister(key.fileobj)
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        time.sleep(_ROUND_SECONDS)


if __name__ == "__main__":
    hold(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4]))
