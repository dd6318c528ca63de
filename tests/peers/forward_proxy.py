"""A forward proxy of HTTP, as hospitals have one between them and the world: proxy.py."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.ports import free_port
from tests.peers.processes import Server, listens


@dataclass(frozen=True, slots=True)
class ForwardProxy:
    """Listens on the loopback interface; with `credentials` (user:password) it wants to see them."""

    server: Server
    port: int
    credentials: str

    @property
    def url(self) -> str:
        return f"http://{self.credentials}{'@' if self.credentials else ''}127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """A line for each connection that has ended, with the method and where it led."""
        return self.server.log.read_text(encoding="utf-8")


@contextmanager
def running(directory: Path, credentials: str = "") -> Iterator[ForwardProxy]:
    port = free_port()
    command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port)]
    command += ["--num-workers", "1", "--num-acceptors", "1", "--data-dir", str(directory)]
    if credentials:
        command += ["--basic-auth", credentials]
    server = Server("forward-proxy", command, directory, lambda: listens(port))
    try:
        server.start()
        yield ForwardProxy(server, port, credentials)
    finally:
        server.kill()
