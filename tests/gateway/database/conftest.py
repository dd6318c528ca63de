"""A new database, of the kind that the test asks for: by a fixture that it takes, or on both."""

from pathlib import Path

import pytest

from tests.fixtures.kept import Kept
from tests.peers.postgresql import PostgreSQL


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it, on each of the two."""
    return _new(request, tmp_path, request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path, kept: Kept) -> str:
    """A database that holds what was kept."""
    url = _new(request, tmp_path, kept.database)
    kept.restore_database(url)
    return url


def _new(request: pytest.FixtureRequest, directory: Path, kind: str) -> str:
    if kind == "sqlite":
        return f"sqlite:///{directory}/gateway.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.url(server.new_database(), "psycopg")
