"""From a sender's request to the operator's list, through the processes of a node."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings
from tests.deployments.commands.mig import MIG, MigHere
from tests.deployments.roles import DispatcherProcess
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server, listens
from tests.waiting import wait_until

SOURCES = json.dumps([{"ae_title": "CT02", "host": "10.1.0.17"}])


@pytest.fixture
def called(tmp_path: Path) -> Iterator[tuple[Server, ApplicationEntity]]:
    """A receiver at work on a data directory without a database, and how to call it."""
    port = free_port()
    here = {"MIG_DATA_DIR": str(tmp_path / "var"), "MIG_SCP__PORT": str(port), "MIG_SOURCES": SOURCES}
    server = Server("scp", [MIG, "scp"], tmp_path / "scp", lambda: listens(port), here)
    server.start()
    yield server, ApplicationEntity("MIG", port)
    server.stop()


@pytest.fixture
def dispatcher(tmp_path: Path, prefect: PrefectServer, work_pool: str) -> Iterator[DispatcherProcess]:
    dispatcher = DispatcherProcess(tmp_path, prefect.api_url, work_pool, {})
    yield dispatcher
    dispatcher.server.stop()


def test_who_was_refused_before_there_was_a_database_is_listed_as_soon_as_there_is_one(
    tmp_path: Path,
    called: tuple[Server, ApplicationEntity],
    dispatcher: DispatcherProcess,
    dcmtk: Dcmtk,
) -> None:
    receiver, mig_scp = called
    dcmtk.echoscu(mig_scp, calling="CT02")
    journal = Settings(data_dir=tmp_path / "var").paths.associations
    wait_until(lambda: list(journal.glob("v1-*")), 20, "the refusal to be noted")
    receiver.kill()
    mig = MigHere(tmp_path)
    assert mig("database", "upgrade").exit_code == 0
    dispatcher.start()

    def listed() -> Any:
        return mig("association", "list", "--refused", "--json").rows

    (row,) = wait_until(listed, 20, "the refusal to be listed")
    assert (row["outcome"], row["calling_ae"], row["codes"]) == ("rejected", "CT02", "1/1/3")
    assert row["reason"] == "CT02 is registered for 10.1.0.17, it came from 127.0.0.1"
    receiver.start()
    dcmtk.echoscu(mig_scp, calling="ct02")
    wait_until(lambda: len(listed()) == 2, 20, "what comes while the dispatcher runs to be listed")
    assert listed()[0]["reason"].startswith("ct02 differs from CT02 in letter case only")
