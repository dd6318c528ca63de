"""`mig config`."""

import socket
from pathlib import Path

import pytest

from tests.deployments.commands.mig import MigHere
from tests.peers.ports import free_port

SITE = """
[object_store]
kind = "s3"
endpoint = "minio:9000"
access_key = "gateway"
secret_key = "s3cr3t"

[events]
kind = "rabbitmq"
host = "rabbitmq"
password = "s3cr3t"

[database]
url = "postgresql+psycopg://gateway:s3cr3t@db/gateway"

[prefect]
api_url = "https://admin:s3cr3t@prefect.site/api"

[[destinations]]
name = "vna"
kind = "dicomweb"
url = "https://vna.hospital/dicom-web"
token = "s3cr3t"

[[application_entities]]
ae_title = "MIG"
workflows = ["lungs", "liver"]
"""


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> MigHere:
    (tmp_path / "gateway.toml").write_text(SITE)
    return MigHere(tmp_path, {"MIG_SCP__PORT": "104"})


def test_show_tells_every_setting_and_where_it_comes_from(site: MigHere) -> None:
    settings = {row["setting"]: (row["value"], row["origin"]) for row in site("config", "show", "--json").rows}
    assert settings["scp.port"] == (104, "MIG_SCP__PORT")
    assert settings["object_store.endpoint"] == ("minio:9000", "gateway.toml:4")
    assert settings["application_entities.0.workflows"] == (["lungs", "liver"], "gateway.toml:27")
    assert settings["spool.durability"] == ("disk", "default")


def test_show_masks_every_secret_also_within_an_address(site: MigHere) -> None:
    shown = site("config", "show")
    assert "s3cr3t" not in shown.output + site("config", "show", "--json").output
    assert "postgresql+psycopg://gateway:********@db/gateway" in shown.output
    assert "https://admin:********@prefect.site/api" in shown.output
    assert shown.output.splitlines()[0].split() == ["SETTING", "VALUE", "ORIGIN"]


def test_check_is_content_with_good_settings(site: MigHere, mig: MigHere) -> None:
    assert site("config", "check").output == "gateway.toml: nothing is wrong\n"


def test_check_is_content_with_none(mig: MigHere) -> None:
    checked = mig("config", "check")
    assert (checked.exit_code, checked.output) == (0, "no settings file, the defaults: nothing is wrong\n")


def test_check_tells_every_problem_at_once(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[spool]\ndurability = 'maybe'\n[worker]\nruns_at_once = 0\n")
    checked = MigHere(tmp_path, {"MIG_NONSENSE": "1"})("config", "check")
    assert checked.exit_code == 2
    assert [line.split(":")[0] for line in checked.errors.splitlines()] == [
        "MIG_NONSENSE",
        "gateway.toml",
        "gateway.toml",
    ]


def test_check_refuses_a_database_that_is_none(mig: MigHere, tmp_path: Path) -> None:
    checked = MigHere(tmp_path, {"MIG_DATABASE__URL": "gateway.db"})("config", "check")
    assert checked.exit_code == 2
    assert checked.errors.startswith("database.url: ")


def test_a_check_makes_nothing(tmp_path: Path) -> None:
    assert MigHere(tmp_path)("config", "check").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_every_other_is_asked_with_connect_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        f"""
scp.port = {free_port()}
api.port = {free_port()}
prefect.port = {free_port()}
object_store = {{kind = "s3", endpoint = "127.0.0.1:9", access_key = "k", secret_key = "s3cr3t", secure = false}}

[[destinations]]
kind = "dimse"
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = 9
"""
    )
    checked = MigHere(tmp_path)("config", "check", "--connect")
    assert checked.exit_code == 3
    told = {line.split("  ")[0]: line for line in checked.output.splitlines()[2:]}
    assert told.keys() == {"database", "object store", "event broker", "destination pacs"}
    assert "made by the first process that starts" in told["database"]
    for what in ("object store", "destination pacs"):
        assert " no " in told[what]
        assert "refused" in told[what]
    assert "s3cr3t" not in checked.output + checked.errors
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.toml"]


def test_a_port_that_is_taken_is_found_with_connect(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {f"MIG_{name}__PORT": str(free_port()) for name in ("API", "PREFECT")}
        checked = MigHere(tmp_path, ports | {"MIG_SCP__PORT": str(port)})("config", "check", "--connect")
    assert checked.exit_code == 2
    assert f"scp.port: port {port} is in use on this machine" in checked.errors
