"""Toxiproxy: a network between two parties that a test can cut, delay and slow down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from tests.peers.components import TOXIPROXY
from tests.peers.ports import free_port
from tests.peers.processes import Server, answers


@dataclass(frozen=True, slots=True)
class Proxy:
    """A port of this machine that leads to another. What it does to the traffic adds up until `restore`."""

    url: str
    port: int
    host: str = "127.0.0.1"

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        _ask("POST", self.url, {"enabled": False})

    def delay(self, seconds: float) -> None:
        """Hold back every answer."""
        self._add("latency", {"latency": round(seconds * 1000)})

    def limit(self, bytes_per_second: int) -> None:
        """Let no more than this through, towards the server."""
        self._add("bandwidth", {"rate": max(1, bytes_per_second // 1000)}, stream="upstream")

    def cut_after(self, sent_bytes: int) -> None:
        """End each connection once that much has gone through it towards the server."""
        self._add("limit_data", {"bytes": sent_bytes}, stream="upstream")

    def swallow(self) -> None:
        """Take connections and let no answer through, as a host does that hangs."""
        self._add("timeout", {"timeout": 0})

    def restore(self) -> None:
        """Be a plain wire again."""
        for toxic in _ask("GET", f"{self.url}/toxics").json():
            _ask("DELETE", f"{self.url}/toxics/{toxic['name']}")
        _ask("POST", self.url, {"enabled": True})

    def _add(self, kind: str, attributes: dict[str, int], stream: str = "downstream") -> None:
        _ask("POST", f"{self.url}/toxics", {"type": kind, "stream": stream, "attributes": attributes})


@dataclass(frozen=True, slots=True)
class Toxiproxy:
    """The server that the proxies live in."""

    server: Server
    url: str

    def new_proxy(self, port: int, host: str = "127.0.0.1") -> Proxy:
        """Open a port that leads to `host:port`."""
        name, own_port = str(uuid4()), free_port()
        listen = f"127.0.0.1:{own_port}"
        _ask("POST", f"{self.url}/proxies", {"name": name, "listen": listen, "upstream": f"{host}:{port}"})
        return Proxy(f"{self.url}/proxies/{name}", own_port)


@contextmanager
def running(directory: Path) -> Iterator[Toxiproxy]:
    """A server without proxies; its log is in `directory`."""
    port = free_port()

    def is_ready() -> bool:
        return answers(port, "/version")

    command: list[str | Path] = [TOXIPROXY.file("toxiproxy"), "-host", "127.0.0.1", "-port", str(port)]
    server = Server("toxiproxy", command, directory, is_ready)
    try:
        server.start()
        yield Toxiproxy(server, f"http://127.0.0.1:{port}")
    finally:
        server.stop()


def _ask(method: str, url: str, content: object = None) -> httpx.Response:
    return httpx.request(method, url, json=content, trust_env=False).raise_for_status()
