"""`mig status`."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import Dependency
from gateway.payloads.index import opened_payload_index
from gateway.spool.area import scp_area
from gateway.spool.node import read_node
from gateway.work.waiting import Wait
from tests.deployments.commands.mig import ZONE, Finished, MigHere
from tests.deployments.payloads import made_payload
from tests.deployments.up.gateway import Gateway

pytestmark = pytest.mark.peers  # Prefect

PARTS = {"receiver", "API", "dispatcher", "worker", "Prefect", "database", "object store", "event broker"}
QUEUES = (
    *("spool open", "spool ready", "spool done", "spool damaged", "spool newer"),
    *("runs to start", "runs at work", "runs that wait", "failed runs"),
    *(f"requests {state}" for state in ("queued", "running", "waiting", "failed")),
    *(f"exports {state}" for state in ("recorded", "queued", "sending", "waiting", "partial", "failed")),
    "events to publish",
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("status")).start()
    yield gateway
    gateway.server.kill()


def status(gateway: Gateway, *options: str) -> Finished:
    return MigHere(gateway.server.home, dict(gateway.server.environment))("status", *options)


def states(finished: Finished) -> dict[str, str]:
    return {row["part"]: row["state"] for row in finished.rows if "part" in row}


def test_everything_is_up_when_everything_is(gateway: Gateway) -> None:
    finished = status(gateway, "--json")
    assert finished.exit_code == 0
    assert states(finished) == dict.fromkeys(PARTS, "up")


def test_the_queues_are_counted(gateway: Gateway) -> None:
    damaged = scp_area(gateway.data_dir / "spool").damaged / "0-0"
    damaged.mkdir()
    (damaged / "1.dcm").write_bytes(b"torn")
    depths = {row["queue"]: row["count"] for row in status(gateway, "--json").rows if "queue" in row}
    assert depths == dict.fromkeys(QUEUES, 0) | {"spool damaged": 1}


def test_people_read_two_tables(gateway: Gateway) -> None:
    parts, queues = status(gateway).output.split("\n\n")
    assert parts.splitlines()[0].split() == ["PART", "STATE", "DETAIL"]
    assert queues.splitlines()[0].split() == ["QUEUE", "COUNT", "OLDEST", f"({ZONE})"]


def test_a_part_that_is_down_is_exit_code_3(tmp_path: Path) -> None:
    MigHere(tmp_path)("database", "upgrade")
    read_node(tmp_path / "var" / "spool")
    finished = MigHere(tmp_path, {"MIG_PREFECT__API_URL": "http://127.0.0.1:9/api"})("status", "--json")
    assert finished.exit_code == 3
    down = {part for part, state in states(finished).items() if state == "down"}
    assert down == {"receiver", "API", "dispatcher", "worker", "Prefect", "event broker"}
    assert "Traceback" not in finished.errors


def test_a_shell_without_settings_finds_the_processes_by_what_they_tell(gateway: Gateway) -> None:
    """Of all that they were started with only the data directory is named."""
    elsewhere = MigHere(gateway.server.home, {"MIG_DATA_DIR": str(gateway.data_dir)})("status", "--json")
    assert elsewhere.exit_code == 0
    assert states(elsewhere) == dict.fromkeys(PARTS, "up")
    details = {row["part"]: row["detail"] for row in elsewhere.rows if "part" in row}
    assert details["Prefect"] == gateway.api_url
    assert f"port {gateway.dicom_port}" in details["receiver"]


def test_a_broker_that_work_waits_for_is_not_up_though_it_answers(tmp_path: Path) -> None:
    """As one to which no queue is bound."""
    node_id = read_node(tmp_path / "var" / "spool").node_id
    with opened_payload_index(f"sqlite:///{tmp_path}/var/gateway.db") as index:
        payload, now = made_payload(node_id), datetime.now(UTC)
        index.record(payload)
        wait = Wait(Dependency.OBJECT_STORE, "it has no bucket monaideploy")
        index.note_wait(payload.payload_id, [wait], now + timedelta(hours=1), now)
    rows = MigHere(tmp_path, {"MIG_PREFECT__API_URL": "http://127.0.0.1:9/api"})("status", "--json").rows
    (store,) = [row for row in rows if row.get("part") == "object store"]
    assert store["state"] == "down"
    assert re.fullmatch(
        rf"it answers, but 1 waits for it, since [-\d]+ [:\d]+ {ZONE}: it has no bucket monaideploy", store["detail"]
    )
