"""The scene of the Prefect side: a real server on each database, an operator, a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient

from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess
from tests.peers.prefect_server import PrefectServer

_WITH_PREFECT = {"prefect", "prefect_on_sqlite", "prefect_on_postgresql", "gateway"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A Prefect server is a peer: a test that uses one is left out of the quick ones."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and not _WITH_PREFECT.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.peers)


NewWorker = Callable[..., WorkerProcess]


@pytest.fixture
def operator(prefect: PrefectServer) -> Iterator[Operator]:
    with SyncPrefectClient(prefect.api_url) as client:
        yield Operator(client)


@pytest.fixture
def work_pool() -> str:
    """A work pool that only this test uses."""
    return f"pool-{uuid4()}"


@pytest.fixture
def new_worker(tmp_path: Path, prefect: PrefectServer, work_pool: str) -> Iterator[NewWorker]:
    """Starts workers on the test's work pool and data directory, with the environment that is given."""
    with ExitStack() as stack:

        def start(**environment: str) -> WorkerProcess:
            worker = WorkerProcess(tmp_path, prefect.api_url, work_pool, environment)
            stack.callback(worker.server.stop)
            return worker.start()

        yield start


@pytest.fixture
def worker(new_worker: NewWorker) -> WorkerProcess:
    return new_worker()
