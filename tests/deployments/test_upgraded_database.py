"""What each process does when the database refuses it: it ends and says why, and nothing waits for ever."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.database import check_database, open_database
from gateway.versions import program_version
from tests.deployments.commands.mig import Mig
from tests.deployments.conftest import NewWorker
from tests.deployments.roles import DispatcherProcess
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer
from tests.waiting import wait_until

NEWER = ("UPDATE gateway_schema SET version_num = '9001'",)
COLUMN_MISSING = ("ALTER TABLE exports DROP COLUMN flow_run_id",)
UPGRADED = "the database has schema 9001, made by a newer gateway"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "var" / "gateway.db"
    engine = open_database(f"sqlite:///{file}")
    check_database(engine)
    engine.dispose()
    return file


def change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def dispatcher(tmp_path: Path, prefect: PrefectServer, work_pool: str) -> Iterator[DispatcherProcess]:
    dispatcher = DispatcherProcess(tmp_path, prefect.api_url, work_pool, {})
    dispatcher.area.make()
    yield dispatcher
    dispatcher.server.stop()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (NEWER, f"{UPGRADED}; this program, gateway {program_version()}, works with schema"),
        (COLUMN_MISSING, "the database refuses: no such column: exports.flow_run_id"),
    ],
)
def test_the_dispatcher_ends_and_says_why(
    dispatcher: DispatcherProcess, database: Path, statements: tuple[str, ...], said: str
) -> None:
    dispatcher.start()
    change(database, *statements)
    assert dispatcher.wait_for_end(within_seconds=60) == 1
    assert said in dispatcher.log
    assert "the database is away" not in dispatcher.log


def test_the_worker_ends_and_says_why(database: Path, new_worker: NewWorker) -> None:
    worker = new_worker()
    change(database, *NEWER)
    assert worker.wait_for_end(within_seconds=60) == 1
    assert UPGRADED in worker.log
    worker.wait_until_alone(within_seconds=5)


@contextmanager
def running(role: str, directory: Path) -> Iterator["subprocess.Popen[str]"]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "MIG_API__PORT": str(free_port())}
    command: list[str | Path] = [Path(sys.executable).with_name("mig"), role]
    with subprocess.Popen(
        command, cwd=directory, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow  # it looks every few seconds
def test_the_api_ends_and_says_why(tmp_path: Path, database: Path) -> None:
    with running("api", tmp_path) as api:
        assert api.stderr
        lines = iter(api.stderr.readline, "")
        assert any("API ready" in line for line in lines)
        change(database, *NEWER)
        assert any(UPGRADED in line for line in lines)
        assert wait_until(lambda: api.poll() is not None, 10, "the API to end")
        assert api.returncode == 1


def test_a_command_names_the_column_that_is_missing(tmp_path: Path, database: Path) -> None:
    change(database, *COLUMN_MISSING)
    listed = Mig(tmp_path)("export", "list")
    assert (listed.exit_code, listed.errors) == (1, "the database refuses: no such column: exports.flow_run_id\n")
