"""Who has the key finds payloads, and a receiver receives without."""

import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.config import Settings
from gateway.config.sections import DatabaseSettings, IndexSettings
from gateway.errors import FromNewerProgram, SettingsError
from gateway.lookup.key import key_to_ask_with, key_to_keep_with, key_to_receive_with

POSTGRESQL = DatabaseSettings.model_validate({"url": "postgresql+psycopg://gateway@db/gateway"})
NOBODY = 65534


def test_the_receiver_makes_the_key_beside_sqlite_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    kept = key_to_keep_with(settings)
    assert kept
    assert key_to_ask_with(settings).fingerprints == (kept.fingerprint,)
    assert stat.S_IMODE((tmp_path / "keys" / "lookup.key").stat().st_mode) == 0o600


def test_who_asks_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"index\.lookup_key_file .*lookup\.key: there is no such file"):
        key_to_ask_with(Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_is_to_be_found_no_key_is_made(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, index=IndexSettings(lookup=False))
    assert key_to_keep_with(settings) is None
    with pytest.raises(SettingsError, match=r"index\.lookup is false"):
        key_to_ask_with(settings)
    assert list(tmp_path.iterdir()) == []


def test_with_a_database_that_others_share_a_receiver_goes_without_and_says_so(tmp_path: Path) -> None:
    with capture_logs() as logged:
        assert key_to_receive_with(Settings(data_dir=tmp_path, database=POSTGRESQL)) is None
    assert "will not be found by Accession Number" in logged[0]["event"]
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, index=IndexSettings(lookup_key_file=tmp_path / "missing.key"))
    for read in (key_to_keep_with, key_to_ask_with):
        with pytest.raises(SettingsError, match=r"missing\.key: there is no such file.*docs/finding\.md says how"):
            read(settings)


def test_a_key_of_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "lookup.key"
    file.write_bytes(b"# version 2\nsomething else altogether\n")
    file.chmod(0o600)
    with pytest.raises(FromNewerProgram, match=r"index\.lookup_key_file .*lookup\.key has version 2"):
        key_to_keep_with(Settings(data_dir=tmp_path, index=IndexSettings(lookup_key_file=file)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_key_of_another_account_is_refused_by_both_names() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # pytest's own are closed to others
        settings = Settings(data_dir=Path(directory))
        key_to_keep_with(settings)
        with somebody_else() as me, pytest.raises(SettingsError) as refused:
            key_to_ask_with(settings)
    assert str(refused.value).endswith(f"lookup.key belongs to root, and this process runs as {me}")


@contextmanager
def somebody_else() -> Iterator[str]:
    os.seteuid(NOBODY)
    try:
        yield pwd.getpwuid(NOBODY).pw_name
    finally:
        os.seteuid(0)
