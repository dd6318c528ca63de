"""The scene that tests play in: real peers, each started when a test first asks for it and shared by all.

A test keeps to a virtual host, a bucket or a database of its own there. It may stop a server: the next test finds it
running again. Where a parameter decides whether a peer is used (`request.getfixturevalue`), that parameter carries the
marker itself: `pytest.param("s3", marks=pytest.mark.peers)`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import BrowserContext

from tests.peers import chromium, hapi_fhir, minio, orthanc, postgresql, prefect_server, rabbitmq, toxiproxy
from tests.peers.components import MissingComponent
from tests.peers.dcmtk import Dcmtk
from tests.peers.hapi_fhir import HapiFhir
from tests.peers.minio import MinIO
from tests.peers.orthanc import Orthanc
from tests.peers.postgresql import PostgreSQL
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server
from tests.peers.promtool import Promtool
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy

PEERS = frozenset(
    (
        "chromium",
        "dcmtk",
        "hapi_fhir",
        "minio",
        "orthanc",
        "postgresql",
        "prefect",
        "prefect_on_sqlite",
        "promtool",
        "rabbitmq",
        "toxiproxy",
    )
)

_LONGEST_FIRST = ("site", "deployments", "peers", "flows", "listeners")

# On a machine that others use as well an example's time says nothing. A quick run has fewer examples:
# `--hypothesis-profile quick`.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("house"), max_examples=25)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--at-length", action="store_true", help="faults as many as a night has time for: make faults")


@pytest.fixture(scope="session")
def at_length(request: pytest.FixtureRequest) -> bool:
    """Whether what is left to chance is tried for as long as it takes, and not only as a short form of it."""
    return bool(request.config.getoption("--at-length"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses a peer, so that nobody forgets to. The longest come first: none is waited for alone."""
    items.sort(key=_room)
    for item in items:
        uses = getattr(item, "fixturenames", ())
        if not PEERS.isdisjoint(uses):
            item.add_marker(pytest.mark.peers)
        if "at_length" in uses:
            item.add_marker(pytest.mark.at_length)


def _room(item: pytest.Item) -> int:
    """Where among the rooms its own is: the files of `gateway` are many and short, which fills up the end."""
    names = (number for number, room in enumerate(_LONGEST_FIRST) if room in item.path.parts)
    return next(names, len(_LONGEST_FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """A test whose peer is missing fails in CI, and is skipped elsewhere."""
    with _missing_component_in_words():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """The same for a peer that a test starts itself."""
    with _missing_component_in_words():
        yield


@contextmanager
def _missing_component_in_words() -> Iterator[None]:
    problem = ""
    try:
        yield
    except MissingComponent as missing:
        problem = str(missing)
    if problem and os.environ.get("CI"):
        pytest.fail(problem, pytrace=False)
    if problem:
        pytest.skip(problem)


@pytest.fixture(scope="session")
def servers() -> list[Server]:
    """The servers of the peers that were started."""
    return []


@pytest.fixture(autouse=True)
def _stopped_servers_start_again(servers: list[Server]) -> Iterator[None]:
    yield
    for server in servers:
        server.start()


@pytest.fixture(scope="session", name="rabbitmq")
def _rabbitmq(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[RabbitMQ]:
    with rabbitmq.running(tmp_path_factory.mktemp("rabbitmq")) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session", name="minio")
def _minio(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[MinIO]:
    with minio.running(tmp_path_factory.mktemp("minio")) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session", name="postgresql")
def _postgresql(servers: list[Server]) -> Iterator[PostgreSQL]:
    with postgresql.running() as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session")
def prefect_on_sqlite(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[PrefectServer]:
    with prefect_server.running(tmp_path_factory.mktemp("prefect-sqlite")) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session")
def prefect_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL, servers: list[Server]
) -> Iterator[PrefectServer]:
    url = postgresql.url(postgresql.new_database(), "asyncpg")
    with prefect_server.running(tmp_path_factory.mktemp("prefect-postgresql"), url) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session")
def prefect(request: pytest.FixtureRequest) -> PrefectServer:
    """A server on SQLite; with `on_both_databases` on PostgreSQL as well."""
    database = getattr(request, "param", "sqlite")
    server: PrefectServer = request.getfixturevalue(f"prefect_on_{database}")
    return server


@pytest.fixture(scope="session", name="orthanc")
def _orthanc(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[Orthanc]:
    with orthanc.running(tmp_path_factory.mktemp("orthanc")) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session", name="hapi_fhir")
def _hapi_fhir(tmp_path_factory: pytest.TempPathFactory, servers: list[Server]) -> Iterator[HapiFhir]:
    with hapi_fhir.running(tmp_path_factory.mktemp("hapi-fhir")) as peer:
        servers.append(peer.server)
        yield peer


@pytest.fixture(scope="session", name="toxiproxy")
def _toxiproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toxiproxy]:
    with toxiproxy.running(tmp_path_factory.mktemp("toxiproxy")) as peer:
        yield peer


@pytest.fixture(scope="session")
def dcmtk() -> Dcmtk:
    """The tools, sending as fast as they can; `replace(dcmtk, at_once=False)` is a slow modality."""
    return Dcmtk()


@pytest.fixture
def promtool(tmp_path: Path) -> Promtool:
    return Promtool(tmp_path)


@pytest.fixture(name="chromium")
def _chromium(tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser for one test: the event loop of its driver stands in the way of others (see its module)."""
    with chromium.running(tmp_path / "chromium") as browser:
        yield browser
