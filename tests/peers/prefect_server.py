"""A Prefect server of one's own: on SQLite in its directory, or on the database that is named."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.ports import free_port
from tests.peers.processes import Server, answers


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A server whose dashboard is at the root of its address."""

    server: Server
    port: int

    @property
    def api_url(self) -> str:
        """What PREFECT_API_URL is to be set to."""
        return f"{self.dashboard_url}/api"

    @property
    def dashboard_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(
    directory: Path,
    database_url: str | None = None,
    environment: Mapping[str, str] | None = None,
    python: Path = Path(sys.executable),
) -> Iterator[PrefectServer]:
    """A server at home in `directory`, with its SQLite file there unless `database_url` (asyncpg) names another.

    `environment` has more of Prefect's settings; `python` is that of the environment with the Prefect that is meant.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command: list[str | Path] = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    settings = {
        "PREFECT_HOME": str(directory),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url or f"sqlite+aiosqlite:///{directory}/prefect.db",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "INFO",
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "DO_NOT_TRACK": "1",
    }

    def is_ready() -> bool:
        return answers(port, "/api/health")

    server = Server(
        "prefect-server", command, directory, is_ready, {**settings, **(environment or {})}, start_seconds=120
    )
    try:
        server.start()
        yield PrefectServer(server, port)
    finally:
        server.kill()  # its orderly end takes seconds, for data that nobody needs
