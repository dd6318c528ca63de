"""The node that exports, on both databases where that matters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.exports.ledger import opened_ledger
from tests.databases import empty_database
from tests.gateway.exports.scene import Scene
from tests.peers.postgresql import PostgreSQL

on_both_databases = pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)], indirect=True
)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if getattr(request, "param", "sqlite") == "sqlite":
        return empty_database(tmp_path / "gateway.db")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.url(server.new_database(), "psycopg")


@pytest.fixture
def scene(url: str, tmp_path: Path) -> Iterator[Scene]:
    with opened_ledger(url) as ledger:
        yield Scene(tmp_path, ledger)
