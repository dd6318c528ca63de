"""What is away comes back: everything arrives afterwards, and no operator is needed."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from tests.peers.minio import MinIO
from tests.peers.processes import Server
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.site import ROUTING_KEY, Site, running_site, send
from tests.waiting import wait_until

OUTAGE_SECONDS = 60


@pytest.fixture
def site(tmp_path: Path, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy) -> Iterator[Site]:
    with running_site(tmp_path, rabbitmq, minio, toxiproxy) as site:
        yield site


def studies(site: Site, numbers: range) -> list[str]:
    """Send studies of ten slices, each by an association of its own; return what was answered with success."""
    answered: list[str] = []
    for number in numbers:
        made = made_ct_study(10, 64, 64, examination=Examination(study=number))
        answered += send(site.gateway, write_study(made, site.gateway.directory / f"study-{number}"))
    return answered


def runs(site: Site) -> list[FlowRun]:
    with SyncPrefectClient(site.gateway.api_url) as client:
        return client.read_flow_runs()


@pytest.mark.parametrize("away", ["rabbitmq", "minio"])
def test_a_part_that_is_stopped_for_a_minute_loses_nothing(site: Site, away: str) -> None:
    server: Server = {"rabbitmq": site.rabbitmq.server, "minio": site.minio.server}[away]
    server.stop()
    stopped = time.monotonic()
    answered = studies(site, range(4))
    assert len(answered) == 40, "senders notice nothing"
    wait_until(lambda: time.monotonic() > stopped + OUTAGE_SECONDS, 2 * OUTAGE_SECONDS, "the outage to last its minute")
    server.start()
    site.wait_for_instances(answered, within_seconds=90)
    assert len(site.payload_ids()) == 4
    wait_until(lambda: all(run.state_name == "Completed" for run in runs(site)), 30, "every run to be Completed")


def test_a_run_that_waits_says_why_and_until_when_and_holds_no_place(site: Site) -> None:
    site.to_broker.cut()
    answered = studies(site, range(4))

    def waiting() -> list[FlowRun]:
        return [run for run in runs(site) if run.state_name == "AwaitingRetry"]

    wait_until(lambda: len(waiting()) == 4, 240, "all four to wait, though there are two places")
    for run in waiting():
        assert run.state
        assert "Waits for the event broker: " in (run.state.message or "")
        assert "Tries again by " in (run.state.message or "")
    site.to_broker.restore()
    back = time.monotonic()
    site.wait_for_instances(answered, within_seconds=60)
    assert time.monotonic() - back < 45, "they went on when the broker was back, not at their own time"


def test_a_broker_where_nobody_listens_is_said_to_be_so(site: Site) -> None:
    with site.rabbitmq.connection(site.virtual_host) as connection:
        connection.channel().queue_unbind(ROUTING_KEY, "monaideploy", ROUTING_KEY)
    answered = studies(site, range(1))

    def waiting() -> str:
        message = "".join((run.state and run.state.message) or "" for run in runs(site))
        return message if "Waits for the event broker" in message else ""

    message = wait_until(waiting, 150, "the run to wait")  # asked once: it soon tries again
    assert "no queue is bound" in message
    assert ROUTING_KEY in message
    with site.rabbitmq.connection(site.virtual_host) as connection:
        connection.channel().queue_bind(ROUTING_KEY, "monaideploy", ROUTING_KEY)
    site.wait_for_instances(answered, within_seconds=120)
