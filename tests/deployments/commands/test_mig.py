"""The command line as a whole."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.deployments.commands.mig import MIG, Mig, MigHere, used_site

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


def test_help_names_every_command(mig: MigHere) -> None:
    shown = mig("--help")
    assert shown.exit_code == 0
    commands = (
        "up scp api exports dispatch worker status explain association config database destination export payload "
        "inference spool".split()
    )
    assert all(f"  {command} " in shown.output for command in commands)


def test_no_command_at_all_shows_the_help(mig: MigHere) -> None:
    assert "Usage: mig" in mig().output + mig().errors


def test_the_version(tmp_path: Path) -> None:
    shown = Mig(tmp_path)("--version")
    assert (shown.exit_code, shown.output) == (0, f"{PROJECT['version']}\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["payload", "list", "--limit", "none"], ["--nonsense"]])
def test_wrong_usage_is_exit_code_2(mig: MigHere, arguments: list[str]) -> None:
    assert mig(*arguments).exit_code == 2


@pytest.mark.parametrize("role", ["up", "scp", "api", "dispatch", "worker"])
def test_settings_that_can_not_be_used_are_exit_code_2_and_in_words(tmp_path: Path, role: str) -> None:
    (tmp_path / "gateway.toml").write_text("[scp]\nport = 0\nprot = 1\n")
    refused = MigHere(tmp_path)(role)
    assert refused.exit_code == 2
    assert "gateway.toml:2: scp.port:" in refused.errors
    assert "gateway.toml:3: scp.prot: no such setting; did you mean port?" in refused.errors
    assert "Traceback" not in refused.errors


def imported(module: str, *packages: str) -> list[str]:
    """The modules of these packages that a process has once it has imported one of ours."""
    question = (
        f"import sys; import deployments.cli, deployments.process.logging, {module}; "
        f"print(*[name for name in sys.modules if name.split('.')[0] in {packages}])"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    return answer.stdout.split()


def test_the_receiver_never_imports_prefect() -> None:
    assert imported("listeners.scp.scp_process", "prefect", "sqlalchemy", "fastapi") == []


def test_the_receiver_decodes_what_strangers_send_by_no_library() -> None:
    assert imported("listeners.scp.scp_process", "pynetdicom", "pydicom") == []


def test_the_dispatcher_imports_prefect_only_to_register_what_is_missing() -> None:
    assert imported("deployments.dispatcher.dispatcher_process", "prefect", "fastapi") == []


NEVER = "alembic anyio fastapi minio numpy pika prefect pydicom pynetdicom requests starlette urllib3".split()
"""What no table needs, on a site that has a spool, a database and a bucket on its own disk, and no broker."""
NOTHING_ASKED = ["cryptography", "httpx", "rich", "structlog"]
"""What a table needs as little where Prefect is not asked, and nothing is to be told in the log."""
FROM_DATABASE = [
    f"{kind} {asked}" for kind in ("association", "payload", "export", "inference") for asked in ("list", "show 0")
]
FROM_FILES = ["spool list", "config show", "explain --calling CT01 --called MIG --address 127.0.0.1"]


def modules_of(command: str, site: Path) -> set[str]:
    """The modules that a process has when the command has run in it: packages alone, but for ours."""
    script = f"""
import contextlib, sys
from deployments.cli import main
sys.argv[1:] = {command.split()}
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
    main()
print(*sys.modules)
"""
    away = {"PATH": os.environ["PATH"], "MIG_PREFECT__API_URL": "http://127.0.0.1:9/api"}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=site, env=away, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in ended.stderr
    return {name if name.startswith("deployments") else name.partition(".")[0] for name in ended.stdout.split()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    used_site(directory)
    return directory


@pytest.mark.parametrize("command", [*FROM_DATABASE, "destination list", *FROM_FILES])
def test_a_table_imports_only_what_its_answer_needs(site: Path, command: str) -> None:
    modules = modules_of(command, site)
    assert modules & {*NEVER, *NOTHING_ASKED} == set()
    assert ("sqlalchemy" in modules) == (command not in FROM_FILES)


def test_status_imports_of_clients_only_that_of_prefect(site: Path) -> None:
    modules = modules_of("status", site)
    assert modules & {*NEVER} == {"anyio"}
    assert "httpx" in modules


def test_of_the_groups_of_commands_only_the_one_that_is_asked_for_is_built(site: Path) -> None:
    groups = "association config database destination export payload inference spool".split()
    modules = modules_of("spool list", site)
    assert [group for group in groups if f"deployments.commands.{group}" in modules] == ["spool"]


def test_a_command_that_is_misspelt_is_told_what_it_may_be(mig: MigHere) -> None:
    assert "Did you mean 'payload'?" in mig("paylod", "list").errors


def test_config_names_the_settings_file_for_every_command(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[scp]\nport = 104\n")
    shown = MigHere(tmp_path)("--config", "site.toml", "config", "show", "--json")
    assert {"setting": "scp.port", "value": 104, "origin": f"{tmp_path}/site.toml:2"} in shown.rows


def test_it_runs_as_a_module_too(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "deployments", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"{PROJECT['version']}\n"
    assert MIG.exists()
