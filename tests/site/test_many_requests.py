"""Many requests at once, with PostgreSQL below everything: in the order of their classes, none given up."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.inference.identity import PriorityClass, priority_class
from tests.gateway.dicomweb.faulty_archive import FaultyArchive, faulty_archive, hanging, study
from tests.gateway.retrieval.scene import study_of
from tests.peers import prefect_server
from tests.peers.minio import MinIO
from tests.peers.postgresql import PostgreSQL
from tests.peers.prefect_server import PrefectServer
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.acr import Requests
from tests.site.site import Site, running_site
from tests.waiting import wait_until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

PRIORITIES = [64, 128, 255, 200] * 5
ORDER = list(PriorityClass)


@pytest.fixture
def prefect(tmp_path: Path, postgresql: PostgreSQL) -> Iterator[PrefectServer]:
    """A server that marks no run as late: one that is being marked is passed over by a worker that looks then."""
    url = postgresql.url(postgresql.new_database(), "asyncpg")
    late = {"PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "3600"}
    with prefect_server.running(tmp_path / "prefect", url, late) as peer:
        yield peer


@pytest.fixture
def site(
    tmp_path: Path,
    rabbitmq: RabbitMQ,
    minio: MinIO,
    toxiproxy: Toxiproxy,
    postgresql: PostgreSQL,
    prefect: PrefectServer,
) -> Iterator[Site]:
    """A site that retrieves one thing at a time."""
    settings = {
        "MIG_PREFECT__API_URL": prefect.api_url,
        "MIG_DATABASE__URL": postgresql.url(postgresql.new_database(), "psycopg"),
        "MIG_INFERENCE__AT_ONCE": "1",
        "MIG_INFERENCE__ANSWER_SECONDS": "5",
    }
    with running_site(tmp_path, rabbitmq, minio, toxiproxy, **settings) as site:
        yield site


@pytest.fixture
def archive() -> Iterator[FaultyArchive]:
    """An archive with a study for each request, which says nothing more in the middle of the first."""
    studies = [held for number in range(21) for held in study(f"1.2.{number}", series=1, instances=2)]
    with faulty_archive(*studies, gives=[hanging(0.2)]) as archive:
        yield archive


def test_twenty_requests_are_served_in_the_order_of_their_classes(site: Site, archive: FaultyArchive) -> None:
    requests = Requests(site)
    requests.submit(study_of(archive.url, "1.2.0") | {"transactionID": "0", "priority": 255})
    wait_until(lambda: archive.wado, 90, "the first to be fetched")
    for number, priority in enumerate(PRIORITIES, 1):
        requests.submit(study_of(archive.url, f"1.2.{number}") | {"transactionID": str(number), "priority": priority})
    wait_until(lambda: all(requests.status(str(n))["runId"] for n in range(1, 21)), 90, "every request to have a run")
    for number in range(21):
        requests.wait_for(str(number), "completed", within_seconds=300)
    site.new_events(wait_seconds=2)
    assert len(site.payload_ids()) == 21
    site.assert_repeats_are_the_same()
    assert _served(archive) == sorted(range(1, 21), key=lambda number: (_class_of(number), number))
    assert "503" not in json.dumps([requests.status(str(number))["message"] for number in range(21)])


def _class_of(number: int) -> int:
    return ORDER.index(priority_class(PRIORITIES[number - 1]))


def _served(archive: FaultyArchive) -> list[int]:
    """The requests in the order in which they were fetched, without the first."""
    studies = dict.fromkeys(path.split("/")[1] for path in archive.wado)
    return [int(uid.rpartition(".")[2]) for uid in studies if uid != "1.2.0"]
