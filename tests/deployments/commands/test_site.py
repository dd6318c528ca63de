"""Commands that ask: of a site that is there, without making anything, and with the accounts named."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.errors import SettingsError
from gateway.operations.condition.site import check_account
from gateway.spool.node import read_node
from tests.databases import empty_database
from tests.deployments.commands.mig import MigHere

ASKING = [
    *(["status"], ["payload", "list"], ["payload", "show", "1f"], ["payload", "retry", "1f"], ["export", "list"]),
    *(["export", "show", "1f"], ["inference", "list"], ["inference", "show", "1f"], ["spool", "list"]),
    *(["destination", "list"], ["association", "list"], ["association", "show", "1f"]),
]
NOBODY = 65534


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_where_nothing_was_ever_run_that_is_said_and_nothing_is_made(tmp_path: Path, command: list[str]) -> None:
    finished = MigHere(tmp_path)(*command)
    assert (finished.exit_code, finished.output) == (2, "")
    assert finished.errors == (
        f"nothing was ever run on the data directory {tmp_path}/var (no settings file: looked for gateway.toml and "
        "/etc/informatics-gateway/gateway.toml): ask where the gateway runs, or name its settings by --config or "
        "MIG_CONFIG\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_asking_makes_nothing_where_only_the_api_has_run(tmp_path: Path, command: list[str]) -> None:
    empty_database(tmp_path / "var" / "gateway.db")
    before = sorted(tmp_path.rglob("*"))
    MigHere(tmp_path, {"MIG_PREFECT__API_URL": "http://127.0.0.1:9/api"})(*command)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_asking_makes_nothing_where_only_the_receiver_has_run(tmp_path: Path, command: list[str]) -> None:
    read_node(tmp_path / "var" / "spool")
    before = sorted(tmp_path.rglob("*"))
    finished = MigHere(tmp_path, {"MIG_PREFECT__API_URL": "http://127.0.0.1:9/api"})(*command)
    assert "Traceback" not in finished.errors
    if command[0] not in {"status", "spool"}:
        assert f"there is no database at {tmp_path}/var/gateway.db yet" in finished.errors
        assert finished.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_settings_file_that_was_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('data_dir = "data"\n')
    errors = MigHere(tmp_path)("spool", "list").errors
    assert errors.startswith(f"nothing was ever run on the data directory {tmp_path}/data (settings: gateway.toml): ")


def test_what_belongs_to_another_account_is_named_with_both() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # pytest's own are closed to others
        data_dir = Path(directory) / "var"
        read_node(data_dir / "spool")
        data_dir.chmod(0o700)
        owner = pwd.getpwuid(os.geteuid()).pw_name
        with somebody_else(data_dir) as me, pytest.raises(SettingsError) as caught:
            check_account(Settings(data_dir=data_dir))
    assert str(caught.value) == (
        f"{data_dir} belongs to {owner}, and this process runs as {me}, which may not use it: run it as {owner} "
        f"(sudo -u {owner} …), or give it to {me}"
    )


@contextmanager
def somebody_else(data_dir: Path) -> Iterator[str]:
    """Within, we are another account; or, where we can't be, the directory is closed to us."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    else:
        data_dir.chmod(0)
    try:
        yield pwd.getpwuid(os.geteuid()).pw_name
    finally:
        if me == 0:
            os.seteuid(me)
        data_dir.chmod(0o700)
