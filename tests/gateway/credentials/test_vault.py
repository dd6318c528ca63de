"""Credentials are read again by who has a key, and by nobody else."""

import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from gateway.config import Settings
from gateway.config.sections import DatabaseSettings, InferenceSettings
from gateway.credentials.authorization import Authorization, AuthType
from gateway.credentials.key_file import KeyFile
from gateway.credentials.vault import Vault, open_vault
from gateway.errors import CredentialsLost, FromNewerProgram, SettingsError

CREDENTIALS = {1: Authorization(AuthType.BASIC, "c2VjcmV0"), 3: Authorization(AuthType.BEARER, "abc.def")}
POSTGRESQL = DatabaseSettings.model_validate({"url": "postgresql+psycopg://gateway@db/gateway"})


def vault(*keys: bytes) -> Vault:
    return Vault(keys, "the keys of this test")


def named(file: Path) -> KeyFile:
    return KeyFile("inference.key_file", file, "docs/inference.md")


def key_file(directory: Path, content: bytes = b"", mode: int = 0o600) -> Path:
    file = directory / "credentials.key"
    file.write_bytes(content or Fernet.generate_key())
    file.chmod(mode)
    return file


def test_what_was_sealed_comes_back() -> None:
    mine = vault(Fernet.generate_key())
    assert mine.open(mine.seal(CREDENTIALS)) == CREDENTIALS


def test_a_token_shows_nothing() -> None:
    mine = vault(Fernet.generate_key())
    assert b"c2VjcmV0" not in mine.seal(CREDENTIALS)
    assert mine.seal(CREDENTIALS) != mine.seal(CREDENTIALS)


def test_keys_are_rotated_without_losing_anything() -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    token = vault(old).seal(CREDENTIALS)
    both = vault(new, old)
    assert both.open(token) == CREDENTIALS
    assert vault(new).open(both.renew(token)) == CREDENTIALS
    assert (both.fingerprint, vault(new).fingerprint) == (vault(new).fingerprint, both.fingerprint)
    assert both.fingerprint != vault(old).fingerprint


def test_with_another_key_the_credentials_are_lost_and_it_says_what_to_do() -> None:
    token = vault(Fernet.generate_key()).seal(CREDENTIALS)
    other = vault(Fernet.generate_key())
    for refused in (other.open, other.renew):
        with pytest.raises(CredentialsLost, match=r"fit no key of the keys of this test: submit it again"):
            refused(token)


def test_a_token_that_was_changed_is_refused() -> None:
    mine = vault(Fernet.generate_key())
    token = bytearray(mine.seal(CREDENTIALS))
    token[40] ^= 1
    with pytest.raises(CredentialsLost):
        mine.open(bytes(token))


def test_the_key_is_made_beside_sqlite_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    token = open_vault(settings).seal(CREDENTIALS)
    assert open_vault(settings).open(token) == CREDENTIALS
    assert stat.S_IMODE((tmp_path / "keys" / "credentials.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_processes_that_start_together_have_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "credentials.key"
    together = threading.Barrier(8)
    seen: list[bytes] = []

    def start() -> None:
        together.wait()
        named(file).make()
        seen.extend(named(file).read())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert [path.name for path in file.parent.iterdir()] == ["credentials.key"]


@pytest.mark.parametrize("database", [DatabaseSettings(), POSTGRESQL])
def test_a_key_that_is_named_has_to_be_there(tmp_path: Path, database: DatabaseSettings) -> None:
    named = InferenceSettings(key_file=tmp_path / "missing.key")
    with pytest.raises(SettingsError, match=r"inference\.key_file .*missing\.key: there is no such file"):
        open_vault(Settings(data_dir=tmp_path, database=database, inference=named))


def test_with_postgresql_no_key_is_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Every process that shares the database needs the same one"):
        open_vault(Settings(data_dir=tmp_path, database=POSTGRESQL))
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match=rf"is open to others \(mode {mode:04o}\): `chmod 600` it"):
        named(key_file(tmp_path, mode=mode)).read()


def test_a_key_that_nobody_may_change_is_taken(tmp_path: Path) -> None:
    assert len(named(key_file(tmp_path, mode=0o400)).read()) == 1


def test_a_file_without_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is empty"):
        named(key_file(tmp_path, b"\n\n")).read()


def test_a_line_that_is_no_key_is_refused_and_not_quoted() -> None:
    with pytest.raises(SettingsError, match="holds a line that is no key") as refused:
        vault(Fernet.generate_key(), b"not-a-key-but-perhaps-a-password")
    assert "password" not in str(refused.value)


def test_no_text_of_a_vault_shows_a_key() -> None:
    key = Fernet.generate_key()
    mine = vault(key)
    assert key.decode() not in f"{mine!r} {vars(mine)!r} {mine.fingerprint}"


def test_a_key_file_names_its_version_and_one_that_names_none_has_the_first(tmp_path: Path) -> None:
    made = tmp_path / "made.key"
    named(made).make()
    assert made.read_bytes().startswith(b"# version 1\n")
    (key,) = named(made).read()
    assert named(key_file(tmp_path, key)).read() == [key]


def test_a_key_file_of_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    file = key_file(tmp_path, b"# version 2\nsomething else altogether\n")
    with pytest.raises(FromNewerProgram, match=r"credentials\.key has version 2, and this program"):
        named(file).read()
