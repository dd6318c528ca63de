"""The Prefect server that tells what became of the runs."""

from collections.abc import Iterator

import pytest

from tests.gateway.events.conftest import QUICK
from tests.peers import prefect_server
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[PrefectServer]:
    with prefect_server.running(tmp_path_factory.mktemp("prefect-flows"), environment=QUICK) as peer:
        servers.append(peer.server)
        yield peer
