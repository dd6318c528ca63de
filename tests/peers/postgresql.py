"""PostgreSQL: the database of a production site, ours and Prefect's."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from tests.peers.components import POSTGRESQL
from tests.peers.ports import free_port
from tests.peers.processes import PeerFailed, Server

_ADMINISTRATOR = "administrator"

# It refuses to run as root: then as the user that Debian's package makes.
_UNPRIVILEGED_USER = "postgres"


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A server whose administrator needs no password; it listens on the loopback interface only."""

    server: Server
    port: int

    def new_database(self) -> str:
        """Make a database of its own for one test, and return its name."""
        name = f"test-{uuid4()}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return name

    def url(self, database: str, driver: str = "") -> str:
        """The database's address; with SQLAlchemy's `driver`, e.g. "psycopg" or "asyncpg", as SQLAlchemy reads it."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{_ADMINISTRATOR}@127.0.0.1:{self.port}/{database}"


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server with a data directory of its own below the system's temporary directory.

    Not in a directory of the test's: those are closed to the user that it runs as.
    """
    directory = Path(tempfile.mkdtemp(prefix="informatics-gateway-postgresql-"))
    server = None
    try:
        server, port = _server(directory)
        server.start()
        yield PostgreSQL(server, port)
    finally:
        if server:
            server.stop()
        shutil.rmtree(directory)


def _server(directory: Path) -> tuple[Server, int]:
    user = _UNPRIVILEGED_USER if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(directory, user, user)
    _initialize(directory, user)
    port = free_port()

    def is_ready() -> bool:
        try:
            psycopg.connect(f"postgresql://{_ADMINISTRATOR}@127.0.0.1:{port}/postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200}
    command: list[str | Path] = [POSTGRESQL.file("postgres"), "-D", directory / "data"]
    command += [f"--{name}={value}" for name, value in options.items()]
    server = Server("postgresql", command, directory, is_ready, user=user, stop_signal=signal.SIGINT)
    return server, port


def _initialize(directory: Path, user: str | None) -> None:
    command: list[str | Path] = [POSTGRESQL.file("initdb"), "-D", directory / "data", "--no-sync"]
    command += [f"--username={_ADMINISTRATOR}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    finished = subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=() if user else None,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise PeerFailed(f"initdb ended with status {finished.returncode}\n{finished.stdout}")
