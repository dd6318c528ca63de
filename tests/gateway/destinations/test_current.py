"""The destinations while somebody edits the settings file."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.config import load_settings
from gateway.destinations.current import CurrentDestinations
from gateway.destinations.registered import Destinations
from gateway.work.outage import Outages
from tests.clock import MovableClock

GOOD = """
[[destinations]]
name = "{name}"
kind = "directory"
path = "out"
"""


def test_settings_that_can_t_be_read_are_said_once_and_the_last_destinations_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD.format(name="research"))
    monkeypatch.setenv("MIG_CONFIG", str(file))
    current = CurrentDestinations(Destinations.of(load_settings().settings), Outages(MovableClock()))
    assert current().find("research", "")[0].name == "research"
    with capture_logs() as logs:
        file.write_text("[[destinations]")
        assert [current().find("research", "")[0].name for _ in range(3)] == ["research"] * 3
        file.write_text(GOOD.format(name="archive"))
        assert current().find("archive", "")[0].name == "archive"
    assert [log["event"] for log in logs] == [
        "the settings can't be read; going on with the last destinations",
        "the settings can be read again",
    ]
