"""`mig database`: where the schema stands, and its upgrade."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.database.migrations import HEAD
from tests.deployments.commands.mig import Mig, MigHere
from tests.fixtures.kept import Kept


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The database of a site of 0.1."""
    file = tmp_path / "var" / "gateway.db"
    Kept("0.1", "sqlite").restore_database(f"sqlite:///{file}")
    return file


def test_a_command_that_asks_makes_no_database(mig: MigHere, tmp_path: Path) -> None:
    shown = mig("database", "status", "--json")
    assert (shown.exit_code, json.loads(shown.output)["state"]) == (0, "empty")
    assert not (tmp_path / "var").exists()


def test_an_older_database_is_shown_and_upgraded(mig: MigHere, file: Path) -> None:
    assert "unversioned" in mig("database", "status").output
    upgraded = mig("database", "upgrade")
    assert (upgraded.exit_code, upgraded.output) == (0, f"the database has schema {HEAD} now (before: unversioned)\n")
    shown = json.loads(mig("database", "status", "--json").output)
    assert (shown["state"], shown["revision"], shown["made_by"]) == ("current", HEAD, shown["program"])
    assert mig("database", "upgrade").output == f"the database has schema {HEAD} already\n"


def test_a_command_that_asks_upgrades_nothing_and_says_who_does(mig: MigHere, file: Path) -> None:
    listed = mig("export", "list")
    assert (listed.exit_code, listed.output) == (1, "")
    assert "the schema of an older gateway" in listed.errors
    assert "`mig database upgrade`" in listed.errors
    mig("database", "upgrade")
    states = {row["state"] for row in mig("export", "list", "--json").rows}
    assert states == {"succeeded", "failed", "waiting", "recorded"}


def test_a_newer_database_is_refused_with_both_versions_and_exit_code_1(
    mig: MigHere, tmp_path: Path, file: Path
) -> None:
    mig("database", "upgrade")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE gateway_schema SET version_num = '9001'")
        connection.execute("UPDATE gateway_schema_upgrades SET revision = '9001', program = '7.3.0'")
        connection.commit()
    commands = [("database", "status"), ("database", "upgrade"), ("export", "list")]
    for refused in [*(mig(*command) for command in commands), Mig(tmp_path)("api")]:
        assert refused.exit_code == 1
        assert "has schema 9001, made by gateway 7.3.0" in refused.errors
    assert "newer" in mig("database", "status").output


def test_a_database_server_that_is_away_is_exit_code_3(tmp_path: Path) -> None:
    away = MigHere(tmp_path, {"MIG_DATABASE__URL": "postgresql+psycopg://nobody:secret@127.0.0.1:9/none"})
    asked = away("database", "status")
    assert asked.exit_code == 3
    assert "secret" not in asked.errors
