"""The Prefect server that tells what became of the runs, and what the runs are forked from."""

from collections.abc import Iterator

import pytest

from tests.flows import running
from tests.flows.running import Runs
from tests.gateway.events.conftest import QUICK
from tests.peers import prefect_server
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[PrefectServer]:
    with prefect_server.running(tmp_path_factory.mktemp("prefect-flows"), environment=QUICK) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, prefect: PrefectServer) -> Iterator[Runs]:
    with running.running(tmp_path_factory.mktemp("flows"), prefect) as started:
        yield started
