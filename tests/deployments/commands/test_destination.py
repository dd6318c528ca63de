"""`mig destination list`: how exports have last met each."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.database import open_database
from gateway.destinations.circuits import Circuits
from tests.deployments.commands.mig import MigHere, used_site

NOW = datetime.now(UTC)
NAMES = ("there", "away", "refuses", "new")


def listed(directory: Path) -> dict[str, dict[str, Any]]:
    entries = [
        f'[[destinations]]\nkind = "dimse"\nname = "{name}"\nae_title = "PACS"\nhost = "127.0.0.1"\n' for name in NAMES
    ]
    (directory / "gateway.toml").write_text("".join(entries))
    rows = MigHere(directory)("destination", "list", "--json").rows
    return {row["name"]: row for row in rows}


def test_a_destination_is_in_the_state_in_which_exports_met_it_last(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{used_site(tmp_path)}/gateway.db")
    circuits = Circuits(engine)
    circuits.answered("there", NOW)
    circuits.answered("away", NOW)
    circuits.failed("away", "connection refused", NOW, retry_after_seconds=60)
    circuits.refused("refuses", "called AE title not recognized (1/1/7)", NOW)
    engine.dispose()
    rows = listed(tmp_path)
    assert {name: row["state"] for name, row in rows.items()} == {
        "there": "there",
        "away": "away",
        "refuses": "refuses",
        "new": "unknown",
    }
    assert (rows["away"]["reason"], rows["away"]["answered"]) == ("connection refused", NOW.isoformat())
    assert (rows["refuses"]["since"], rows["refuses"]["answered"]) == (NOW.isoformat(), None)
    assert rows["refuses"]["reason"] == "called AE title not recognized (1/1/7)"


def test_each_kind_says_where_it_is(tmp_path: Path) -> None:
    used_site(tmp_path)
    (tmp_path / "gateway.toml").write_text(
        '[[destinations]]\nkind = "dimse"\nname = "pacs"\nae_title = "PACS"\nhost = "::1"\nport = 4242\n'
        '[[destinations]]\nkind = "dicomweb"\nname = "web"\nurl = "https://archive/dicom-web"\n'
        '[[destinations]]\nkind = "directory"\nname = "disk"\npath = "/srv/results"\n'
    )
    rows = MigHere(tmp_path)("destination", "list", "--json").rows
    assert [row["address"] for row in rows] == ["PACS at [::1]:4242", "https://archive/dicom-web", "/srv/results"]


def test_echo_needs_no_site_and_makes_none(tmp_path: Path) -> None:
    """Before the first start whoever sets a site up tries its destinations out."""
    (tmp_path / "gateway.toml").write_text(
        '[[destinations]]\nkind = "dimse"\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = 9\n'
    )
    finished = MigHere(tmp_path)("destination", "echo", "pacs")
    assert finished.exit_code == 3
    assert "connection refused" in finished.errors
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.toml"]
