"""stunnel: TLS in front of a server that speaks none, as sites do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.certificates import Certificate
from tests.peers.components import STUNNEL
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens

_CONFIGURATION = """\
foreground = yes
pid =
[service]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{to_port}
cert = {certificate}
key = {key}
"""


@contextmanager
def running(directory: Path, to_port: int, certificate: Certificate) -> Iterator[int]:
    """Yield a port of the loopback interface where TLS with this certificate leads to another port of it."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration = directory / "stunnel.conf"
    configuration.write_text(
        _CONFIGURATION.format(port=port, to_port=to_port, certificate=certificate.file, key=certificate.key)
    )

    def is_ready() -> bool:
        return listens(port)

    server = Server("stunnel", [STUNNEL.file("stunnel4"), configuration], directory, is_ready)
    try:
        server.start()
        yield port
    finally:
        server.stop()
