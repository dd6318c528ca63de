"""`mig up`: everything in one."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from gateway.spool.area import scp_area
from gateway.work.outage import FIRST_CONTACT_SECONDS
from tests.deployments.operator import Operator
from tests.deployments.up.gateway import Gateway
from tests.peers.dcmtk import Dcmtk
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import PeerFailed, processes_at_home_in
from tests.studies import sample_of_each_transfer_syntax
from tests.waiting import wait_until

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("up")).start()
    yield gateway
    gateway.server.kill()


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    """One on the defaults for all, which takes ten seconds to start: it is started again where a test has ended it."""
    if _gateway.server.pid is None:
        _gateway.start()
    return _gateway


@pytest.fixture
def operator_of_its_own(gateway: Gateway) -> Iterator[Operator]:
    with SyncPrefectClient(gateway.api_url) as client:
        yield Operator(client)


def test_it_says_where_everything_is_and_what_to_mind(gateway: Gateway) -> None:
    ready = gateway.wait_for_log(r" up +ready ")
    assert f"dicom=0.0.0.0:{gateway.dicom_port} ae_titles=MIG" in ready
    assert f"dashboard=http://127.0.0.1:{gateway.prefect_port}" in ready
    assert f"data={gateway.data_dir}" in ready
    assert "scp.reject_unknown_sources is false: anybody may send" in gateway.log


def test_its_start_ends_with_what_to_do_next(gateway: Gateway) -> None:
    gateway.wait_for_log("next +mig status")
    begin, end = (match.start() for match in list(re.finditer(r"^-{20,}$", gateway.log, re.MULTILINE))[:2])
    box = gateway.log[begin:end]
    assert f"send to  MIG at {socket.gethostname()}:{gateway.dicom_port}" in box
    assert f"storescu -aec MIG 127.0.0.1 {gateway.dicom_port} FILE" in box
    assert f"http://127.0.0.1:{gateway.http_port}/ (what came in)" in box
    assert f"http://127.0.0.1:{gateway.prefect_port} (the runs)" in box
    before = gateway.log[:begin]
    assert "ready=True" not in before
    (after_seconds,) = re.findall(r" up +ready .*after_seconds=([\d.]+)", before)
    assert "is away" not in before or float(after_seconds) > FIRST_CONTACT_SECONDS, "its own parts: nothing to warn of"


def test_what_is_sent_to_it_is_announced(gateway: Gateway, dcmtk: Dcmtk) -> None:
    finished = dcmtk.storescu(gateway.receiver, [sample_of_each_transfer_syntax()[0].file], "+C", calling="CT01")
    assert "Failed" not in finished.output
    area = scp_area(gateway.data_dir / "spool")
    gateway.wait_for_log(r" scp +payload ready ")
    gateway.wait_for_log(r" worker +run ended .*exit_code=0")
    wait_until(lambda: not area.ready_ids(), 10, "the payload to leave the spool")


def test_a_data_directory_has_one(gateway: Gateway) -> None:
    second = Gateway(gateway.directory, name="second", MIG_DATA_DIR=str(gateway.data_dir))
    with pytest.raises(PeerFailed, match="`mig up` runs on it already, as process"):
        second.start()
    assert gateway.server.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_ten_seconds_and_leaves_nobody(gateway: Gateway, number: signal.Signals) -> None:
    assert len(gateway.processes()) > 5
    begun = time.monotonic()
    gateway.signal(number)
    assert gateway.wait_for_end(within_seconds=10) == 0
    print(f"ended after {time.monotonic() - begun:.1f} s")
    assert gateway.processes() == []


def test_nobody_outlives_it_when_it_is_killed(gateway: Gateway) -> None:
    gateway.signal(signal.SIGKILL)
    wait_until(lambda: gateway.processes() == [], 5, "every process to be gone")


@pytest.mark.parametrize("role", ["scp", "dispatch", "worker", "prefect"])
def test_a_part_that_dies_is_started_again_and_that_is_said(
    gateway: Gateway, operator_of_its_own: Operator, role: str
) -> None:
    process = gateway.process_of(role)
    os.kill(process, signal.SIGKILL)
    gateway.wait_for_log(rf" up +{role} was killed by SIGKILL; starting it again in 1 s")
    wait_until(lambda: gateway.process_of(role) != process, 10, "another process")
    _wait_until_prefect_answers(gateway)
    run_id = operator_of_its_own.trigger("ingest/ingest", {"payload_id": "0" * 32})
    operator_of_its_own.wait_for(run_id, "Completed", "Failed", within_seconds=40)
    wait_until(lambda: _listens(gateway.dicom_port), 20, "the receiver to listen")


def test_a_part_that_can_not_be_run_ends_everything(gateway: Gateway) -> None:
    with socket.create_server(("", 0)) as taken:
        os.kill(gateway.process_of("scp"), signal.SIGSTOP)
        os.kill(gateway.process_of("scp"), signal.SIGKILL)
        taken.close()
        with _taking(gateway.dicom_port):
            assert gateway.wait_for_end(within_seconds=20) == 2
    assert "scp.port: can't listen on" in gateway.log
    assert gateway.processes() == []


@pytest.mark.parametrize(
    ("variable", "setting"), [("MIG_SCP__PORT", "scp.port"), ("MIG_PREFECT__PORT", "prefect.port")]
)
def test_a_port_in_use_is_one_line_that_names_the_setting(tmp_path: Path, variable: str, setting: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        gateway = Gateway(tmp_path, **{variable: str(port)})
        with pytest.raises(PeerFailed, match="ended with status 2"):
            gateway.start()
    (line,) = gateway.log.splitlines()
    assert line.endswith(f"{setting}: port {port} is in use on this machine")


def test_a_wrong_setting_is_told_before_anything_starts(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, MIG_SPOOL__DURABILITY="maybe")
    with pytest.raises(PeerFailed, match="ended with status 2"):
        gateway.start()
    assert gateway.log.startswith("MIG_SPOOL__DURABILITY: spool.durability: ")


def test_with_a_site_s_own_prefect_it_starts_none(tmp_path: Path, prefect_on_sqlite: PrefectServer) -> None:
    gateway = Gateway(tmp_path, MIG_PREFECT__API_URL=prefect_on_sqlite.api_url).start()
    try:
        assert f"dashboard={prefect_on_sqlite.dashboard_url}" in gateway.log
        assert not (gateway.data_dir / "prefect" / "prefect.db").exists()
    finally:
        gateway.stop()


def test_a_run_that_is_cut_goes_on_at_the_next_start(tmp_path: Path, dcmtk: Dcmtk) -> None:
    away = {
        "MIG_OBJECT_STORE": '{"kind": "s3", "endpoint": "127.0.0.1:9", "access_key": "k", "secret_key": "s"}',
        "MIG_APPLICATION_ENTITIES": '[{"ae_title": "MIG", "timeout_seconds": 0.5}]',
        "MIG_SCP__REJECT_UNKNOWN_SOURCES": "false",
    }
    gateway = Gateway(tmp_path, **away).start(from_nothing=True)
    try:
        dcmtk.storescu(gateway.receiver, [sample_of_each_transfer_syntax()[0].file], "+C", calling="CT01")
        gateway.wait_for_log(r" worker +run started ")
        begun = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait_for_end(within_seconds=10) == 0
        print(f"ended after {time.monotonic() - begun:.1f} s, with a run in hand")
        assert "the runs in hand are cut" in gateway.log
        assert processes_at_home_in(tmp_path) == []
        gateway.start()
        wait_until(lambda: gateway.log.count("run started") == 2, 20, "the run to start again")
    finally:
        gateway.server.kill()


def _wait_until_prefect_answers(gateway: Gateway) -> None:
    wait_until(lambda: _listens(gateway.prefect_port), 30, "Prefect to listen")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _taking(port: int) -> socket.socket:
    """Listen where somebody has just ceased to."""

    def listening() -> socket.socket | None:
        try:
            return socket.create_server(("0.0.0.0", port))
        except OSError:
            return None

    taken = wait_until(listening, 5, "the port to be free")
    assert taken
    return taken
