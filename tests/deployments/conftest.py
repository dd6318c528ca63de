"""The scene of the Prefect side: a real server on each database, an operator, a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient

from tests.deployments.operator import Operator
from tests.deployments.worker_process import WorkerProcess
from tests.peers import postgresql as postgresql_peer
from tests.peers import prefect_server
from tests.peers.postgresql import PostgreSQL
from tests.peers.prefect_server import PrefectServer

NewWorker = Callable[..., WorkerProcess]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_peer.running() as peer:
        yield peer


@pytest.fixture(scope="session")
def prefect_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server.running(tmp_path_factory.mktemp("prefect-sqlite")) as server:
        yield server


@pytest.fixture(scope="session")
def prefect_on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[PrefectServer]:
    url = postgresql.url(postgresql.new_database(), "asyncpg")
    with prefect_server.running(tmp_path_factory.mktemp("prefect-postgresql"), url) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)], scope="session")
def prefect(request: pytest.FixtureRequest) -> PrefectServer:
    """A server on each of the databases that it is run with."""
    server: PrefectServer = request.getfixturevalue(f"prefect_on_{request.param}")
    return server


@pytest.fixture
def operator(prefect: PrefectServer) -> Iterator[Operator]:
    prefect.server.start()  # a test before may have stopped it
    with SyncPrefectClient(prefect.api_url) as client:
        yield Operator(client)


@pytest.fixture
def new_worker(tmp_path: Path, prefect: PrefectServer) -> Iterator[NewWorker]:
    """Makes workers, each with a work pool and a data directory of its own."""
    prefect.server.start()
    with ExitStack() as stack:

        def make(**environment: str) -> WorkerProcess:
            name = f"pool-{uuid4()}"
            (tmp_path / name).mkdir()
            worker = WorkerProcess(tmp_path / name, prefect.api_url, name, **environment)
            stack.callback(worker.server.stop)
            worker.start()
            return worker

        yield make


@pytest.fixture
def worker(new_worker: NewWorker) -> WorkerProcess:
    return new_worker()
