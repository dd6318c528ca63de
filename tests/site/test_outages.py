"""What is away comes back: everything arrives afterwards, and no operator is needed."""

from collections.abc import Iterator
from itertools import count, islice

import pytest
from prefect.client.schemas.objects import FlowRun

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from tests.deployments.up.gateway import QUICK_RETRIES
from tests.peers.minio import MinIO
from tests.peers.processes import Server
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.site import ROUTING_KEY, Site, running_site, send
from tests.waiting import wait_until

_numbers = count()
"""Of the studies: each is another one."""


@pytest.fixture(scope="module")
def _site(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy
) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), rabbitmq, minio, toxiproxy, **QUICK_RETRIES) as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Site:
    """One for all: what is away comes back, and the gateway is left as it is."""
    _site.begin()
    return _site


def send_studies(site: Site, how_many: int) -> list[str]:
    """Send studies of ten slices, each by an association of its own; return what was answered with success."""
    answered: list[str] = []
    for number in islice(_numbers, how_many):
        made = made_ct_study(10, 64, 64, examination=Examination(study=number))
        answered += send(site.gateway, write_study(made, site.gateway.directory / f"study-{number}"))
    return answered


def waiting(site: Site) -> list[FlowRun]:
    return [run for run in site.runs() if run.state_name == "AwaitingRetry"]


@pytest.mark.parametrize(("away", "told"), [("rabbitmq", "the event broker"), ("minio", "the object store")])
def test_a_part_that_is_away_until_every_run_waits_loses_nothing(site: Site, away: str, told: str) -> None:
    """Senders notice nothing, a run that waits says why and until when, holds no place, and goes on when it is back."""
    server: Server = {"rabbitmq": site.rabbitmq.server, "minio": site.minio.server}[away]
    server.stop()
    answered = send_studies(site, 4)
    assert len(answered) == 40
    wait_until(lambda: len(waiting(site)) == 4, 240, "all four to wait, though there are two places")
    for run in waiting(site):
        assert run.state
        assert f"Waits for {told}: " in (run.state.message or "")
        assert "Tries again by " in (run.state.message or "")
    released = site.gateway.log.count("waiting run released")
    server.start()
    site.wait_for_instances(answered, within_seconds=90)
    assert site.gateway.log.count("waiting run released") > released, "when it was back, and not at their own time"
    assert len(site.payload_ids()) == 4
    wait_until(lambda: all(run.state_name == "Completed" for run in site.runs()), 30, "every run to be Completed")


def test_what_is_refused_for_credentials_goes_on_by_itself_when_they_are_put_right(site: Site) -> None:
    """A night of it is no night of failed runs: nobody has to start them one by one."""
    access_key, secret_key = site.minio.access_key, site.minio.secret_key
    site.minio.change_credentials(access_key, "a-key-nobody-told-us")
    answered = send_studies(site, 3)
    wait_until(lambda: len(waiting(site)) == 3, 120, "all three to wait")
    assert all("refuses the access key" in str(run.state and run.state.message) for run in waiting(site))
    site.minio.change_credentials(access_key, secret_key)
    site.wait_for_instances(answered, within_seconds=60)
    wait_until(lambda: all(run.state_name == "Completed" for run in site.runs()), 30, "every run to be Completed")


def test_a_broker_where_nobody_listens_is_said_to_be_so_and_all_goes_on_once_somebody_does(site: Site) -> None:
    with site.rabbitmq.connection(site.virtual_host) as connection:
        connection.channel().queue_unbind(ROUTING_KEY, "monaideploy", ROUTING_KEY)
    answered = send_studies(site, 3)
    wait_until(lambda: len(waiting(site)) == 3, 150, "all three to wait")
    for run in waiting(site):
        message = str(run.state and run.state.message)
        assert "no queue is bound" in message
        assert ROUTING_KEY in message
    released = site.gateway.log.count("waiting run released")
    with site.rabbitmq.connection(site.virtual_host) as connection:
        connection.channel().queue_bind(ROUTING_KEY, "monaideploy", ROUTING_KEY)
    site.wait_for_instances(answered, within_seconds=60)
    assert site.gateway.log.count("waiting run released") > released, "when it was bound, and not at their own time"
    wait_until(lambda: all(run.state_name == "Completed" for run in site.runs()), 60, "every run to be Completed")
    site.new_events(wait_seconds=1)
    assert len(site.message_ids) == len(set(site.message_ids)) == 3, "each once"
