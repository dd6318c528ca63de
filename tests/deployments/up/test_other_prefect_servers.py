"""A site's own Prefect server, one minor version older than ours. (None is newer than ours yet.)"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import AwaitingRetry

from gateway.errors import Dependency, PrefectUnavailable
from gateway.kinds import KINDS
from gateway.spool.area import scp_area
from gateway.work.commands import OperatorCommand
from gateway.work.waiting import Wait
from tests.deployments.dispatching import Dispatching, KindScene, dispatching_on
from tests.deployments.operator import Operator
from tests.deployments.up.gateway import Gateway
from tests.gateway.events.conftest import prefect_events
from tests.peers import prefect_server
from tests.peers.components import OLDER_PREFECT
from tests.peers.dcmtk import Dcmtk
from tests.peers.prefect_server import PrefectServer
from tests.studies import sample_of_each_transfer_syntax
from tests.waiting import wait_until

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    python = OLDER_PREFECT.file("python")
    with prefect_server.running(tmp_path_factory.mktemp("prefect"), python=python) as server:
        yield server


def test_what_is_sent_is_announced(older: PrefectServer, tmp_path: Path, dcmtk: Dcmtk) -> None:
    gateway = Gateway(tmp_path, MIG_PREFECT__API_URL=older.api_url).start()
    try:
        sent = dcmtk.storescu(gateway.receiver, [sample_of_each_transfer_syntax()[0].file], "+C", calling="CT01")
        assert "Failed" not in sent.output
        gateway.wait_for_log(r" worker +run ended .*exit_code=0", within_seconds=60)
        area = scp_area(gateway.data_dir / "spool")
        wait_until(lambda: not area.ready_ids() and not area.done_ids(), 10, "the payload to leave the spool")
        assert [event["event"] for event in prefect_events(older.api_url)] == ["md.workflow.request"]
    finally:
        gateway.server.kill()


def test_work_of_every_kind_is_given_a_run_retried_and_cancelled(
    older: PrefectServer, tmp_path: Path, work_pool: str
) -> None:
    with (
        dispatching_on(tmp_path, older.api_url, work_pool) as dispatching,
        SyncPrefectClient(older.api_url) as client,
    ):
        operator = Operator(client)
        for name in KINDS:
            work = KindScene(name, dispatching)
            work_id = work.new()
            wait_until(lambda: has_looked(dispatching), 30, "the server to be less busy than right after its start")
            run_id = work.run_id(work_id)
            work.wait(work_id, Wait(Dependency.EVENTS, "nobody listens"))
            due = dispatching.now + timedelta(seconds=600)
            client.set_flow_run_state(run_id, AwaitingRetry(scheduled_time=due), force=True)
            retried, cancelled = (work.asked(work_id, each) for each in (OperatorCommand.RETRY, OperatorCommand.CANCEL))
            assert (retried.carried_out, retried.outcome) == (True, "its run starts now")
            assert (cancelled.carried_out, cancelled.outcome) == (True, "it is ended")
            assert operator.state(run_id).name == "Cancelled"


def has_looked(dispatching: Dispatching) -> bool:
    """As the dispatcher does: it looks again."""
    try:
        dispatching.look()
    except PrefectUnavailable:
        return False
    return True
