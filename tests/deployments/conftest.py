"""The scene of the Prefect side: a real server on each database, an operator, a worker."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess, example_descriptions
from tests.peers.prefect_server import PrefectServer

SLOW_TO_IMPORT = "tests.deployments.slow_to_import.slow_to_import"

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
            stack.callback(worker.server.kill)  # its orderly end takes seconds: test_stopping looks at it
            return worker.start()

        yield start


@pytest.fixture
def worker(new_worker: NewWorker) -> WorkerProcess:
    """For tests that end it, or look at its log."""
    return new_worker()


@pytest.fixture(scope="module")
def _shared_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewWorker]:
    """Starts one for each Prefect server and environment, and keeps it."""
    workers: dict[tuple[str, ...], WorkerProcess] = {}

    def shared(prefect: PrefectServer, **environment: str) -> WorkerProcess:
        key = (prefect.api_url, *environment)
        if key not in workers:
            directory = tmp_path_factory.mktemp("worker")
            workers[key] = WorkerProcess(directory, prefect.api_url, f"pool-{uuid4()}", environment).start()
        return _with_its_deployments(workers[key], prefect)

    yield shared
    for worker in workers.values():
        worker.server.kill()


@pytest.fixture
def shared_worker(_shared_workers: NewWorker, prefect: PrefectServer) -> WorkerProcess:
    """One for all the tests of a module that leave it as it is: it takes seconds to start."""
    return _shared_workers(prefect, MIG_WORKER__OTHER_FLOWS=json.dumps([SLOW_TO_IMPORT]))


@pytest.fixture
def narrow_worker(_shared_workers: NewWorker, prefect: PrefectServer) -> WorkerProcess:
    """The same, with one place."""
    return _shared_workers(prefect, MIG_WORKER__RUNS_AT_ONCE="1")


def _with_its_deployments(worker: WorkerProcess, prefect: PrefectServer) -> WorkerProcess:
    """Let the example deployments lead to it: the last worker to start has taken them."""
    assert worker.server.pid, "a test has ended the worker that others share"
    with SyncPrefectClient(prefect.api_url) as client:
        entrypoints = {each.name: each.entrypoint for each in example_descriptions()}
        ours = DeploymentFilter(name=DeploymentFilterName(any_=list(entrypoints)))
        for deployment in client.read_deployments(deployment_filter=ours):
            entrypoint = entrypoints[deployment.name]
            if (deployment.work_pool_name, deployment.entrypoint) != (worker.work_pool, entrypoint):
                to_it = DeploymentUpdate(work_pool_name=worker.work_pool, entrypoint=entrypoint)
                client.update_deployment(deployment.id, to_it)
    return worker
