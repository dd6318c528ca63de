"""A Prefect server of one's own: on SQLite in its directory, or on the database that is named."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.peers.components import CACHE
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


def put_database(directory: Path) -> None:
    """Put an empty database of our Prefect into `directory`: to make one takes a server half of its start.

    It is made once for this machine, by Prefect itself.
    """
    kept = CACHE / "prefect-database" / version("prefect") / "prefect.db"
    if not kept.exists():
        _make_database(kept)
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, directory / "prefect.db")


def _make_database(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        made = Path(directory) / "prefect.db"
        home = {"PREFECT_HOME": directory, "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{made}"}
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
        subprocess.run(command, env=os.environ | home, check=True, capture_output=True, timeout=120)
        with closing(sqlite3.connect(made)) as database:  # all of it into the one file
            database.execute("pragma wal_checkpoint(truncate)")
        made.rename(target)


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
    if database_url is None and python == Path(sys.executable) and not (directory / "prefect.db").exists():
        put_database(directory)
    port = free_port()
    command: list[str | Path] = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    settings = {
        "PREFECT_HOME": str(directory),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url or f"sqlite+aiosqlite:///{directory}/prefect.db",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "INFO",
        # As `mig up` has it: by default it records what it has every five seconds, and who waits for it takes as long.
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.1",
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
