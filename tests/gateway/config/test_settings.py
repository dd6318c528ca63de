"""Settings: one file, environment over file over default, every problem at once, each with its place."""

from pathlib import Path

import pytest

from gateway.config import LoadedSettings, load_settings
from gateway.errors import SettingsError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a settings file, and no variable of the machine's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIG_CONFIG", raising=False)
    return tmp_path


def load(text: str) -> LoadedSettings:
    Path("gateway.toml").write_text(text, encoding="utf-8")
    return load_settings()


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(text)
    return str(refused.value).splitlines()


def test_no_section_is_needed_to_start() -> None:
    settings = load_settings().settings
    assert [entity.ae_title for entity in settings.application_entities] == ["MIG"]
    assert (settings.object_store.kind, settings.events.kind, settings.prefect.api_url) == ("local", "prefect", "")


def test_only_the_embedded_default_takes_from_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings().settings.scp.reject_unknown_sources
    assert load("").settings.scp.reject_unknown_sources
    Path("gateway.toml").unlink()
    monkeypatch.setenv("MIG_SOURCES", '[{"ae_title": "CT01", "host": "10.1.0.0/24"}]')
    assert load_settings().settings.scp.reject_unknown_sources


def test_environment_is_over_file_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIG_SCP__PORT", "1104")
    loaded = load("[scp]\nport = 104\nmax_associations = 7\n")
    scp = loaded.settings.scp
    assert (scp.port, scp.max_associations, scp.artim_seconds) == (1104, 7, 30)
    assert loaded.origin(("scp", "port")) == "MIG_SCP__PORT"
    assert loaded.origin(("scp", "max_associations")) == "gateway.toml:3"
    assert loaded.origin(("scp", "artim_seconds")) == "default"
    assert loaded.origin(("spool", "durability")) == "default"


def test_what_an_entity_does_not_say_is_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load('[[application_entities]]\nae_title = "A"\n')
    assert loaded.origin(("application_entities", 0, "ae_title")) == "gateway.toml:2"
    assert loaded.origin(("application_entities", 0, "grouping")) == "default"
    monkeypatch.setenv("MIG_APPLICATION_ENTITIES", '[{"ae_title": "B"}]')
    assert load_settings().origin(("application_entities", 0, "ae_title")) == "MIG_APPLICATION_ENTITIES"


def test_the_file_may_be_named_by_option_or_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.toml").write_text("[scp]\nport = 1")
    (tmp_path / "two.toml").write_text("[scp]\nport = 2")
    monkeypatch.setenv("MIG_CONFIG", str(tmp_path / "one.toml"))
    assert load_settings().settings.scp.port == 1
    assert load_settings(tmp_path / "two.toml").settings.scp.port == 2
    with pytest.raises(SettingsError, match=r"three\.toml: there is no such settings file"):
        load_settings(tmp_path / "three.toml")


def test_a_relative_path_starts_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/gateway.toml").write_text('data_dir = "../data"')
    settings = load_settings(tmp_path / "etc/gateway.toml").settings
    assert settings.data_dir == tmp_path / "etc/../data"
    assert settings.database_url.endswith("/data/gateway.db")
    assert settings.object_store.kind == "local"
    assert settings.object_store.path == tmp_path / "etc/../data/objects"


def test_every_problem_is_told_at_once_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIG_SPOOL__DURABILITY", "maybe")
    found = problems(
        """
[scp]
prot = 104
port = 0

[object_store]
kind = "s3"
bucket = "A"

[[application_entities]]
ae_title = "MIG"
[[application_entities]]
ae_title = "AN AE TITLE TOO LONG"

[[sources]]
ae_title = "CT01"
host = "10.1.0.7/24"
"""
    )
    assert found == [
        "MIG_SPOOL__DURABILITY: spool.durability: Input should be 'disk' or 'os'",
        "gateway.toml:4: scp.port: Input should be greater than or equal to 1",
        "gateway.toml:3: scp.prot: no such setting; did you mean port?",
        "gateway.toml:6: object_store.endpoint: Field required",
        "gateway.toml:8: object_store.bucket: String should match pattern '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$'",
        "gateway.toml:6: object_store.access_key: Field required",
        "gateway.toml:6: object_store.secret_key: Field required",
        "gateway.toml:13: application_entities.1.ae_title: an AE title has 1 to 16 printable characters (PS3.5 6.2)",
        "gateway.toml:17: sources.0.host: not a network: 10.1.0.7/24 has host bits set",
    ]


def test_a_variable_that_names_no_setting_is_told_with_its_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIG_SPOL__DURABILITY", "os")
    monkeypatch.setenv("MIG_SCP__PROT", "1")
    assert problems("") == [
        "MIG_SPOL__DURABILITY: no such setting; did you mean MIG_SPOOL?",
        "MIG_SCP__PROT: scp.prot: no such setting; did you mean port?",
    ]


def test_what_stands_twice_is_named() -> None:
    (found,) = problems('[[application_entities]]\nae_title = "A"\n[[application_entities]]\nae_title = "A "\n')
    assert found == "gateway.toml:1: application_entities: the AE title A stands here more than once"


def test_a_file_that_is_no_toml_is_told_with_its_line() -> None:
    (found,) = problems("[scp\nport = 1\n")
    assert found.startswith("gateway.toml: can't be read: ")
    assert "line 1" in found


def test_no_secret_is_in_a_problem_or_a_representation() -> None:
    text = '[events]\nkind = "rabbitmq"\nhost = "!"\npassword = "hunter2"\n'
    assert "hunter2" not in "".join(problems(text))
    settings = load(text.replace("!", "broker")).settings
    assert "hunter2" not in repr(settings)
    assert settings.events.kind == "rabbitmq"
    assert settings.events.password.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://user:hunter2@archive/dicom-web", "holds no credentials"),
        ("archive:8042/dicom-web", "begins with http:// or https://"),
        ("https://archive/dicom-web?key=hunter2", "no query"),
    ],
)
def test_an_address_that_no_service_can_have_is_told_without_a_part_of_it(url: str, fault: str) -> None:
    (found,) = problems(f'[[destinations]]\nkind = "dicomweb"\nname = "web"\nurl = "{url}"\n')
    assert fault in found
    assert "archive" not in found


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().settings.data_dir = Path("x")  # type: ignore[misc]
