"""Health over HTTP, of an API beside a real receiver, and of one that is alone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.disk.paths import Paths
from gateway.operations.condition.heartbeat import beats
from tests.gateway.receiving.scene import data_set
from tests.listeners.api.service import MIG, Api, running_api
from tests.listeners.scp.raw_peer import RawPeer
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Node:
    """An API and a receiver on one data directory."""

    api: Api
    receiver: Server
    dicom_port: int

    @property
    def paths(self) -> Paths:
        return Paths(Path(self.receiver.environment["MIG_DATA_DIR"]))

    def wait_for(self, path: str, status: int) -> dict[str, object]:
        """Return the answer once it has this status."""
        wait_until(lambda: self.api.get(path).status_code == status, 20, f"{path} to be answered with {status}")
        answer: dict[str, object] = self.api.get(path).json()
        return answer


@contextmanager
def running_node(directory: Path, **environment: str) -> Iterator[Node]:
    port = free_port()
    data = {"MIG_DATA_DIR": str(directory / "var"), "MIG_SCP__PORT": str(port), "MIG_SCP__HOST": "127.0.0.1"}
    with running_api(directory, **data, **environment) as api:
        server = Server("mig-scp", [MIG, "scp"], directory, lambda: listens(port), data | environment)
        server.start()
        try:
            yield Node(api, server, port)
        finally:
            server.kill()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(autouse=True)
def _goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "node" in request.fixturenames:
        request.getfixturevalue("node").receiver.start()


def test_a_study_that_is_sent_to_a_node_that_is_ready_is_kept(node: Node) -> None:
    assert node.wait_for("/health/ready", 200) == {"status": "ready"}


def test_without_its_receiver_it_would_not_be(node: Node) -> None:
    node.receiver.stop()
    assert node.wait_for("/health/ready", 503) == {
        "status": "not ready",
        "reason": "nobody receives onto this spool",
    }


def test_a_receiver_that_stands_still_is_not_live_and_not_ready(node: Node) -> None:
    """Its lock is held and its port open: a flag would say that all is well."""
    node.wait_for("/health/ready", 200)
    node.receiver.freeze()
    try:
        for beat in node.paths.beats.iterdir():
            os.utime(beat, (0, 0))
        live = node.api.get("/health/live")
        assert (live.status_code, live.json()["status"]) == (503, "standing still")
        assert "has taken no connection since" in str(node.wait_for("/health/ready", 503)["reason"])
    finally:
        node.receiver.thaw()
    node.wait_for("/health/live", 200)


def test_every_loop_of_the_receiver_is_told(node: Node) -> None:
    node.wait_for("/health/ready", 200)
    loops = node.api.get("/health/live").json()["loops"]
    assert {(loop["process"], loop["loop"]) for loop in loops} == {("scp", "accepting"), ("scp", "closing")}
    assert all(loop["age_seconds"] < loop["longest_seconds"] for loop in loops)


def test_a_node_without_room_is_not_ready(tmp_path: Path) -> None:
    with running_node(tmp_path, MIG_SPOOL__RESERVE_BYTES=str(10**18)) as node:
        reason = node.wait_for("/health/ready", 503)["reason"]
        wait_until(lambda: "are kept to drain" in str(node.api.get("/health/ready").json()["reason"]), 20, str(reason))


def test_status_is_told_as_mig_tells_it(node: Node) -> None:
    with RawPeer(node.dicom_port) as peer:
        peer.associate()
        wait_until(lambda: node.api.get("/health/status").json()["activeDimseConnections"] == 1, 20, "it to be counted")
        status = node.api.get("/health/status").json()
        assert status["services"]["dicom SCP Service"] == "running"
        assert status["services"]["object Upload Service"] == "unknown"
    node.receiver.stop()
    stopped = node.api.get("/health/status").json()
    assert (stopped["activeDimseConnections"], stopped["services"]["dicom SCP Service"]) == (0, "stopped")


def test_an_instance_that_is_stored_is_in_the_metrics(node: Node) -> None:
    with RawPeer(node.dicom_port) as peer:
        peer.associate()
        assert peer.store(data_set()) == 0
        peer.release()
    line = 'mig_store_seconds_count{status="0000"} 1.0'
    wait_until(lambda: line in node.api.get("/metrics").text, 20, "it to be counted")


def test_health_has_the_shape_and_codes_of_mig(node: Node) -> None:
    answer = node.api.get("/health")  # Prefect, the default broker of events, is away
    assert (answer.status_code, answer.json()["status"]) == (503, "Unhealthy")
    results = {check["check"]: check["result"] for check in answer.json()["checks"]}
    assert results == {
        "Informatics Gateway Services": "Degraded",
        "SQLite Database": "Healthy",
        "Local Object Store": "Healthy",
        "Prefect Events": "Unhealthy",
    }


def test_nothing_is_told_of_what_was_never_seen_here(api: Api) -> None:
    status = api.get("/health/status").json()
    assert status["activeDimseConnections"] is None
    assert set(status["services"].values()) == {"unknown"}
    assert not (api.data_dir / "spool").exists()


def test_an_api_tells_nothing_of_what_alembic_does(api: Api) -> None:
    assert "Context impl" not in api.log
    assert "alembic" not in api.log


@pytest.mark.slow
def test_an_ended_receiver_leaves_no_beat(node: Node) -> None:
    os.kill(node.receiver.pid or 0, signal.SIGKILL)
    wait_until(lambda: node.receiver.pid is None, 20, "the receiver to end")
    assert beats(node.paths) == []
