"""How a server is spoken to, and what its failures become."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from gateway.errors import Dependency, NotInPrefect, PrefectRefused, PrefectUnavailable, SettingsError
from gateway.runs.access import access
from gateway.runs.api import PrefectApi, asked
from gateway.runs.reading import RunFilter, count_runs
from gateway.runs.server import check_health, heartbeats, version
from tests.gateway.answering import answering
from tests.gateway.runs.conftest import Scene
from tests.peers import prefect_server
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer

NOBODY = "http://127.0.0.1:9"


def count(api_url: str) -> int:
    return asked(api_url, lambda api: count_runs(api, RunFilter()))


@pytest.mark.peers
def test_a_server_tells_that_it_is_well_and_its_version(prefect: PrefectServer) -> None:
    asked(prefect.api_url, check_health)
    assert asked(prefect.api_url, version).startswith("3.")


@pytest.mark.peers
def test_workers_are_told_with_when_they_were_last_heard_of(scene: Scene) -> None:
    scene.loop.run(scene.register())
    assert scene.ask(heartbeats, scene.work_pool) == {}
    for worker in ("ward-1", "ward-2"):
        scene.do("POST", f"work_pools/{scene.work_pool}/workers/heartbeat", {"name": worker})
    heard = scene.ask(heartbeats, scene.work_pool)
    assert set(heard) == {"ward-1", "ward-2"}
    assert all(heard.values())
    with pytest.raises(NotInPrefect):
        scene.ask(heartbeats, "no/such pool")


@pytest.mark.peers
def test_credentials_are_taken_from_the_environment_and_forged_requests_guarded_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {
        "PREFECT_SERVER_API_AUTH_STRING": "admin:the secret",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    }
    with prefect_server.running(tmp_path, environment=secret) as prefect:
        with pytest.raises(PrefectRefused, match="401 to GET: see PREFECT_API_AUTH_STRING") as refused:
            count(prefect.api_url)
        assert "secret" not in str(refused.value)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:the secret")
        assert count(prefect.api_url) == 0


def test_a_server_that_is_away_is_waited_for() -> None:
    with pytest.raises(PrefectUnavailable, match=r"Prefect does not answer: connection refused$") as away:
        count(f"http://127.0.0.1:{free_port()}/api")
    assert away.value.waits_for is Dependency.PREFECT


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch, name: str, scheme: str) -> None:
    monkeypatch.setenv(name, NOBODY.replace("http", scheme))
    with answering(200, b"7", "application/json") as server:
        assert count(f"http://{server}/api") == 7


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_a_server_that_can_not_serve_just_now_is_waited_for(status: int) -> None:
    with answering(status, b"{}", "application/json") as server, pytest.raises(PrefectUnavailable, match=str(status)):
        count(f"http://{server}/api")


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_a_server_that_refuses_is_not(status: int) -> None:
    body = b'{"detail": "Doe^John"}'
    with answering(status, body, "application/json") as server:
        with pytest.raises(PrefectRefused, match=f"{status} to POST") as refused:
            count(f"http://{server}/api")
        assert "Doe" not in str(refused.value)


@pytest.mark.parametrize("body", [b"<html>Log in, please", b'{"runs": 3}', b"[]", b""])
def test_somebody_else_who_answers_is_told_from_prefect(body: bytes) -> None:
    with answering(200, body, "text/html") as server, pytest.raises(PrefectRefused, match="as Prefect does"):
        count(f"http://{server}/api")


def test_a_busy_server_is_asked_again_at_once() -> None:
    asked_for = []

    async def busy_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            asked_for.append(await reader.readexactly(length))
            status = b"503 Busy" if len(asked_for) < 3 else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 1\r\n\r\n5")
            if len(asked_for) == 3:
                break
        writer.close()
        await writer.wait_closed()

    async def scene() -> int:
        async with await asyncio.start_server(busy_at_first, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with PrefectApi(f"http://127.0.0.1:{port}/api") as api:
                return await count_runs(api, RunFilter())

    assert asyncio.run(scene()) == 5
    assert len(set(asked_for)) == 1


def test_headers_that_a_gate_before_prefect_wants_go_with_each_request() -> None:
    how = access("http://prefect/api", {"PREFECT_CLIENT_CUSTOM_HEADERS": '{"X-Gate": "open"}', "PREFECT_API_KEY": "k"})
    assert how.headers == {"X-Gate": "open", "Authorization": "Bearer k"}
    assert "Bearer" not in repr(how)


@pytest.mark.parametrize("value", ["Bearer a-secret", "[1]", '"a-secret"'])
def test_headers_that_make_no_sense_are_said_and_not_shown(value: str) -> None:
    with pytest.raises(SettingsError, match="PREFECT_CLIENT_CUSTOM_HEADERS") as error:
        access("http://prefect/api", {"PREFECT_CLIENT_CUSTOM_HEADERS": value})
    assert "a-secret" not in str(error.value)


@pytest.mark.parametrize("address", ["http://prefect:port/api", "http://[::1/api", "prefect:4200/api", "http:///api"])
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(SettingsError, match="is not an address"):
        count(address)


def test_prefect_is_not_imported() -> None:
    import subprocess

    script = (
        "import sys, gateway.runs.api, gateway.runs.deployment, gateway.runs.reading, gateway.runs.states\n"
        "assert not {'prefect', 'pydantic', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_its_errors_hold_nothing_of_what_was_asked() -> None:
    async def ask(api: PrefectApi) -> None:
        await api.do("POST", "flow_runs/filter", {"parameters": "Doe^John"})

    with pytest.raises(PrefectUnavailable) as away:
        asked(f"http://127.0.0.1:{free_port()}/api", ask)
    assert isinstance(away.value.__cause__, httpx.ConnectError)
    assert "Doe" not in str(away.value)
