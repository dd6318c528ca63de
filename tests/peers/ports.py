"""Ports of this machine that nobody else is going to take, not even another run of these tests."""

import random
import socket
from pathlib import Path

_LOWEST = 15_000
_TRIES = 1000


def free_port() -> int:
    """Return a TCP port that nobody listens on, and that stays ours until this process ends.

    It lies below the range from which the kernel takes ports for outgoing connections. A server that is stopped for a
    while, as an outage is tested, so finds its port free again.
    """
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, _first_outgoing_port())
        if _reserve(port) and _nobody_listens(port):
            return port
    raise OSError(f"no free port between {_LOWEST} and {_first_outgoing_port()}")


def _first_outgoing_port() -> int:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    return first if first > 2 * _LOWEST else 32_768


def _reserve(port: int) -> bool:
    """Bind the abstract socket named for the port: one process can, and the kernel frees it when that ends."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0informatics-gateway-test-port-{port}")
    except OSError:
        reservation.close()
        return False
    reservation.detach()  # stays open
    return True


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection that has just ended (TIME_WAIT) is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
