"""The Prefect server that tells what became of the runs, and what the runs are forked from."""

from collections.abc import Iterator

import pytest

from tests.flows import running
from tests.flows.running import Runs
from tests.peers import prefect_server
from tests.peers.prefect_server import PrefectServer


@pytest.fixture(scope="package")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """One that only these tests use: some look at all that it has."""
    with prefect_server.running(tmp_path_factory.mktemp("prefect-flows")) as peer:
        yield peer


@pytest.fixture(scope="package")
def runs(tmp_path_factory: pytest.TempPathFactory, prefect: PrefectServer) -> Iterator[Runs]:
    with running.running(tmp_path_factory.mktemp("flows"), prefect) as started:
        yield started
