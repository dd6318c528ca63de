"""`mig up` in an environment that names proxies, as hospitals have it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.spool.area import scp_area
from tests.deployments.commands.mig import Finished, Mig
from tests.deployments.up.gateway import Gateway
from tests.gateway.answering import answering
from tests.peers import forward_proxy
from tests.peers.dcmtk import Dcmtk
from tests.peers.forward_proxy import ForwardProxy
from tests.peers.ports import free_port
from tests.studies import sample_of_each_transfer_syntax
from tests.waiting import wait_until

pytestmark = pytest.mark.peers


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ForwardProxy]:
    with forward_proxy.running(tmp_path / "proxy", "user:secret") as running:
        yield running


@pytest.fixture
def dead() -> str:
    """Where nobody listens."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def outside() -> Iterator[str]:
    """A DICOMweb service that does not lie on the loopback interface, which is never asked through a proxy."""
    with answering(200, b"[]", "application/dicom+json", host=_address_of_this_host()) as address:
        yield f"http://{address}/dicom-web"


def _address_of_this_host() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
        try:
            unsent.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this host has no address but that of its loopback interface")
        return str(unsent.getsockname()[0])


def echo(directory: Path, url: str, environment: dict[str, str], more: str = "") -> Finished:
    (directory / "gateway.toml").write_text(
        f'{more}\n[[destinations]]\nkind = "dicomweb"\nname = "vna"\nurl = "{url}"\n', encoding="utf-8"
    )
    return Mig(directory, environment)("destination", "echo", "vna")


def test_a_proxy_of_the_environment_is_not_asked_for_parts_of_our_own(tmp_path: Path, dead: str, dcmtk: Dcmtk) -> None:
    named = {"HTTP_PROXY": f"http://{dead}", "HTTPS_PROXY": f"http://u:secret@{dead}", "ALL_PROXY": f"socks5://{dead}"}
    gateway = Gateway(tmp_path, **named, **{name.lower(): address for name, address in named.items()}).start()
    try:
        dcmtk.storescu(gateway.receiver, [sample_of_each_transfer_syntax()[0].file], "+C", calling="CT01")
        gateway.wait_for_log(r" worker +run ended .*exit_code=0")
        area = scp_area(gateway.data_dir / "spool")
        wait_until(lambda: not area.ready_ids(), 20, "the payload to leave the spool")
        said = gateway.wait_for_log(r"what lies outside is asked through a proxy")
        assert f"http={dead} https={dead}" in said
        gateway.wait_for_log(r"a proxy of the environment can't be used: .* variable=ALL_PROXY")
        assert "secret" not in gateway.log
        assert "Traceback" not in gateway.log
        states = Mig(gateway.server.home, dict(gateway.server.environment))("status", "--json")
        assert states.exit_code == 0, states.output
    finally:
        gateway.server.kill()


def test_what_lies_outside_is_asked_through_the_environments(tmp_path: Path, proxy: ForwardProxy, outside: str) -> None:
    finished = echo(tmp_path, outside, {"http_proxy": proxy.url, "ALL_PROXY": "socks5://127.0.0.1:9"})
    assert finished.output == "vna answers\n", finished.errors
    wait_until(lambda: outside.removeprefix("http://") in proxy.log, 10, "the proxy to tell what it passed on")


def test_the_settings_are_over_the_environment(tmp_path: Path, proxy: ForwardProxy, outside: str, dead: str) -> None:
    finished = echo(tmp_path, outside, {"HTTP_PROXY": f"http://{dead}"}, f'[network]\nproxy = "{proxy.url}"')
    assert finished.output == "vna answers\n", finished.errors
    wait_until(lambda: outside.removeprefix("http://") in proxy.log, 10, "the proxy to tell what it passed on")


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({"NO_PROXY": "{host}"}, ""),
        ({}, '[network]\nno_proxy = ["{host}/31"]'),
        ({}, '[network]\nproxy = "none"'),
    ],
)
def test_who_is_excepted_is_asked_directly(
    tmp_path: Path, outside: str, dead: str, environment: dict[str, str], settings: str
) -> None:
    host = outside.split("/")[2].split(":", maxsplit=1)[0]
    excepted = {name: value.replace("{host}", host) for name, value in environment.items()}
    finished = echo(tmp_path, outside, excepted | {"HTTP_PROXY": f"http://{dead}"}, settings.replace("{host}", host))
    assert finished.output == "vna answers\n", finished.errors


def test_a_proxy_that_is_away_is_named(tmp_path: Path, outside: str, dead: str) -> None:
    finished = echo(tmp_path, outside, {"HTTP_PROXY": f"http://user:secret@{dead}"})
    assert finished.exit_code == 3
    assert f"vna does not answer through the proxy {dead}: connection refused" in finished.errors
    assert "secret" not in finished.errors


def test_its_credentials_are_masked(tmp_path: Path, proxy: ForwardProxy) -> None:
    (tmp_path / "gateway.toml").write_text(f'[network]\nproxy = "{proxy.url}"\n', encoding="utf-8")
    shown = Mig(tmp_path)("config", "show")
    assert "network.proxy" in shown.output or "[network]" in shown.output
    assert "secret" not in shown.output
