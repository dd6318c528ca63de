"""From a sender's request to the operator's list, through the processes of a node."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE

from examples.ct_study import made_ct_study
from gateway.config import Settings
from tests.deployments.commands.mig import MIG, MigHere
from tests.deployments.roles import DispatcherProcess
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server, listens
from tests.waiting import wait_until

SOURCES = json.dumps([{"ae_title": "CT01", "host": "127.0.0.1"}, {"ae_title": "CT02", "host": "10.1.0.17"}])


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


def test_one_that_is_open_is_listed_and_cut_when_the_receiver_is_killed(
    tmp_path: Path, called: tuple[Server, ApplicationEntity], dispatcher: DispatcherProcess
) -> None:
    receiver, mig_scp = called
    mig = MigHere(tmp_path)
    assert mig("database", "upgrade").exit_code == 0
    dispatcher.start()
    (instance,) = made_ct_study(1, 64, 64)

    def is_listed(*options: str, **shown: object) -> bool:
        rows = mig("association", "list", "--json", *options).rows
        return [{name: row[name] for name in shown} for row in rows] == [shown]

    sender = AE("CT01")
    sender.add_requested_context(CT, EXPLICIT_LITTLE)
    association = sender.associate("127.0.0.1", mig_scp.port, ae_title="MIG")
    wait_until(
        lambda: is_listed("--open", calling_ae="CT01", outcome="open", ended=None, stored=0), 20, "its beginning"
    )
    assert association.send_c_store(instance).Status == 0x0000
    wait_until(lambda: is_listed("--open", stored=1, statuses={"0000": 1}), 20, "its instance")
    (seen,) = mig("association", "list", "--json").rows
    assert len(seen["payloads"]) == 1

    receiver.kill()
    cut = {name: seen[name] for name in ("id", "calling_ae", "address", "began", "stored", "payloads")}
    cut |= {"outcome": "cut", "reason": "the receiver ended"}
    wait_until(lambda: is_listed(**cut), 20, "it to be cut, while no receiver runs")
    receiver.start()
    assert mig("association", "list", "--open", "--json").rows == []
    assert is_listed(**cut), "what the next receiver says of it changes nothing"
    association.abort()
