"""`mig api` as an operator starts it, on a port and with data of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.peers.ports import free_port
from tests.peers.processes import Server, answers

MIG = Path(sys.executable).with_name("mig")


@dataclass(frozen=True, slots=True)
class Api:
    """The API, and what a client asks it."""

    server: Server
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.server.log.read_text(encoding="utf-8")

    @property
    def data_dir(self) -> Path:
        return self.server.home / "var"

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", params=parameters, trust_env=False, timeout=30)

    def post(self, request: object) -> httpx.Response:
        """POST an inference request."""
        return httpx.post(f"{self.url}/inference", json=request, trust_env=False, timeout=30)

    def post_bytes(self, body: bytes, content_type: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": content_type} if content_type else {}
        return httpx.post(f"{self.url}/inference", content=body, headers=headers, trust_env=False, timeout=30)

    def cpu_seconds(self) -> float:
        """What its process has used."""
        assert self.server.pid
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_api(directory: Path, **environment: str) -> Iterator[Api]:
    """Run one at home in `directory`, with these settings."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    here = {"MIG_API__PORT": str(port), **environment}
    server = Server("mig-api", [MIG, "api"], directory, lambda: answers(port, "/openapi.json"), here, start_seconds=60)
    try:
        server.start()
        yield Api(server, port)
    finally:
        server.kill()
