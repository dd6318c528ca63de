"""Which proxy is asked for what."""

from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from gateway.config.sections import NetworkSettings
from gateway.errors import SettingsError
from gateway.network.proxies import Proxies, Proxy, environment_proxies, hide_environment_proxies

PROXY = Proxy("proxy.hospital", 3128)
ARCHIVE = "https://archive.example/dicom-web"


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("http://proxy.hospital:3128", PROXY),
        ("http://proxy.hospital:3128/", PROXY),
        ("proxy.hospital:3128", PROXY),
        ("http://proxy.hospital", Proxy("proxy.hospital", 80)),
        ("http://user:p%40ss@proxy.hospital:3128", Proxy("proxy.hospital", 3128, "user:p@ss")),
        ("http://[fd00::1]:3128", Proxy("fd00::1", 3128)),
    ],
)
def test_an_address_is_read(address: str, proxy: Proxy) -> None:
    assert Proxy.at(address) == proxy
    assert Proxy.at(proxy.address) == proxy


@pytest.mark.parametrize(
    "address",
    ["socks5://u:secret@proxy:1080", "https://u:secret@proxy", "http://", "http://u:secret@proxy:port", "http://p/x"],
)
def test_an_address_that_can_not_be_used_is_refused_without_quoting_it(tmp_path: Path, address: str) -> None:
    (tmp_path / "gateway.toml").write_text(f'[network]\nproxy = "{address}"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"gateway\.toml:2: network\.proxy: a proxy's") as refused:
        load_settings(tmp_path / "gateway.toml")
    assert "secret" not in str(refused.value)


def test_credentials_are_shown_nowhere() -> None:
    proxy = Proxy.at("http://user:secret@proxy.hospital:3128")
    assert (str(proxy), proxy.url) == ("proxy.hospital:3128", "http://proxy.hospital:3128")
    assert proxy.headers == {"Proxy-Authorization": "Basic dXNlcjpzZWNyZXQ="}
    assert "secret" not in repr(proxy)
    assert "secret" not in repr(NetworkSettings(proxy="http://user:secret@proxy:3128"))


@pytest.mark.parametrize(
    ("entry", "url", "is_direct"),
    [
        ("archive.example", ARCHIVE, True),
        (".example", ARCHIVE, True),
        ("*.example", ARCHIVE, True),
        ("example", ARCHIVE, True),
        ("EXAMPLE", ARCHIVE, True),
        ("*", ARCHIVE, True),
        ("ample", ARCHIVE, False),
        ("other.example", ARCHIVE, False),
        ("10.1.0.0/16", "http://10.1.2.3:8042/", True),
        ("10.1.0.0/16", "http://10.2.2.3:8042/", False),
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("10.1.2.3:8042", "http://10.1.2.3:8042/", True),
        ("10.1.2.3:8042", "http://10.1.2.3:80/", False),
        ("fd00::/8", "http://[fd00::7]/", True),
        ("", ARCHIVE, False),
        ("10.1.0.0/16", ARCHIVE, False),
    ],
)
def test_who_is_excepted_is_asked_directly(entry: str, url: str, is_direct: bool) -> None:
    assert (Proxies(PROXY, PROXY, [entry]).towards(url) is None) is is_direct


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_this_host_is_asked_directly(host: str) -> None:
    assert Proxies(PROXY, PROXY).towards(f"http://{host}:8042/dicom-web") is None


def test_each_scheme_has_its_proxy() -> None:
    proxies = Proxies(https=PROXY)
    assert proxies.towards("https://archive.example") is PROXY
    assert proxies.towards("http://archive.example") is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_environment_names_one(name: str) -> None:
    found = environment_proxies({name: "http://proxy.hospital:3128", "no_proxy": "pacs, 10.0.0.0/8,"}).proxies
    assert (found.https, found.no_proxy) == (PROXY, ("pacs", "10.0.0.0/8"))


def test_a_socks_proxy_of_the_environment_is_told_and_left() -> None:
    found = environment_proxies({"ALL_PROXY": "socks5://proxy:1080", "HTTP_PROXY": "http://proxy.hospital:3128"})
    assert (found.proxies.http, found.proxies.https, list(found.unusable)) == (PROXY, None, ["ALL_PROXY"])


def test_hidden_from_libraries_they_are_still_there_for_us_and_our_children() -> None:
    environment = {"HTTP_PROXY": "http://a:1", "https_proxy": "http://b:2", "NO_PROXY": "pacs", "ALL_PROXY": ""}
    before = environment_proxies(environment)
    hide_environment_proxies(environment)
    hide_environment_proxies(environment)
    assert {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}.isdisjoint(name.lower() for name in environment)
    assert environment_proxies(environment) == before


@pytest.mark.parametrize(
    ("network", "own", "proxy"),
    [
        ("", "", "of-environment:1"),
        ("none", "", None),
        ("http://of-site:2", "", "of-site:2"),
        ("http://of-site:2", "none", None),
        ("http://of-site:2", "http://its-own:3", "its-own:3"),
        ("none", "http://its-own:3", "its-own:3"),
    ],
)
def test_its_own_is_over_the_sites_and_that_over_the_environments(
    monkeypatch: pytest.MonkeyPatch, network: str, own: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://of-environment:1")
    peer = {"name": "archive", "url": ARCHIVE, "proxy": own}
    settings = Settings(network={"proxy": network}, dicomweb_sources=[peer])
    found = settings.proxy_towards(ARCHIVE, settings.dicomweb_sources[0].proxy)
    assert (str(found) if found else None) == proxy


def test_exceptions_of_settings_and_environment_hold_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "pacs.hospital")
    settings = Settings(network={"proxy": "http://proxy:1", "no_proxy": ["vna.hospital"]})
    assert settings.proxy_towards("https://pacs.hospital/") is None
    assert settings.proxy_towards("https://vna.hospital/") is None
    assert settings.proxy_towards("https://archive.example/")
