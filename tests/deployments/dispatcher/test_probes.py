from pathlib import Path

import pytest

from deployments.dispatcher.probes import PROBES
from gateway.errors import BrokerUnavailable, DatabaseUnavailable, Dependency, StoreUnavailable

EVERYTHING_AWAY = """
[object_store]
kind = "s3"
endpoint = "127.0.0.1:9"
access_key = "key"
secret_key = "secret"
secure = false

[events]
kind = "rabbitmq"
host = "127.0.0.1"
port = 9

[database]
url = "postgresql+psycopg://nobody@127.0.0.1:9/none"
"""


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(EVERYTHING_AWAY)
    monkeypatch.setenv("MIG_CONFIG", str(file))
    return file


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        (Dependency.OBJECT_STORE, StoreUnavailable),
        (Dependency.EVENTS, BrokerUnavailable),
        (Dependency.DATABASE, DatabaseUnavailable),
    ],
)
def test_a_probe_fails_while_its_part_is_away(
    settings_file: Path, dependency: Dependency, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        PROBES.parts[dependency]()


def test_a_probe_goes_by_the_settings_of_its_moment(settings_file: Path) -> None:
    settings_file.write_text("")  # a local store and SQLite
    PROBES.parts[Dependency.OBJECT_STORE]()
    PROBES.parts[Dependency.DATABASE]()
