"""The requests of a site, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.inference.store import opened_request_store
from tests.databases import empty_database
from tests.gateway.inference.store_scene import Requests
from tests.peers.postgresql import PostgreSQL


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return empty_database(tmp_path / "gateway.db")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.url(server.new_database(), "psycopg")


@pytest.fixture
def requests(database_url: str) -> Iterator[Requests]:
    with opened_request_store(database_url) as store:
        yield Requests(store)
