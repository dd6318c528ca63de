"""A page of somebody else's, in a browser that reaches the API, changes nothing here."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from gateway.config import Settings
from gateway.config.sections import ApiSettings
from gateway.node_context import NodeContext
from listeners.api.app import create_app
from listeners.api.routes.commands import commands_routes
from listeners.api.routes.exports import exports_routes
from listeners.page.routes import page_routes
from tests.deployments.commands.mig import used_site
from tests.gateway.exports.scene import request_body
from tests.listeners.api.serving import serving

JSON = {"Content-Type": "application/json"}
BODY = request_body(["1/dcm/1.dcm"], ["vna"])
ID = UUID(int=1)
ELSEWHERE = "http://evil.example"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeContext]:
    with closing(NodeContext(Settings(data_dir=used_site(tmp_path)))) as node:
        yield node


@pytest.fixture
def api(node: NodeContext) -> Iterator[httpx.Client]:
    """One that is called `gateway.hospital` as well."""
    settings = ApiSettings(allowed_hosts=("Gateway.hospital",))
    with serving(create_app(settings, [exports_routes(node), commands_routes(node), page_routes(node)])) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ELSEWHERE}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Host": "["}, 421),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example", "Origin": ELSEWHERE}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_what_a_web_page_can_send_is_refused(
    api: httpx.Client, node: NodeContext, headers: dict[str, str], status: int
) -> None:
    answer = api.post("/exports", content=BODY, headers=JSON | headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert node.exports.work.without_run(10) == []


@pytest.mark.parametrize("path", [f"/exports/{ID}/retry", f"/payloads/{ID}/announce", f"/ui/payloads/{ID}/retry"])
def test_a_button_without_a_body_is_no_way_in(api: httpx.Client, path: str) -> None:
    assert api.post(path, headers={"Origin": ELSEWHERE}).status_code == 403
    assert api.post(path, headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost:5000", "LOCALHOST", "127.0.0.1:80", "[::1]:5000", "10.1.0.5", "gateway.hospital"]
)
def test_by_a_name_of_ours_it_is_taken(api: httpx.Client, host: str) -> None:
    """An address is one: nobody can have another machine's page be called so."""
    assert api.post("/exports", content=BODY, headers=JSON | {"Host": host}).status_code in {200, 202}


def test_a_page_of_our_own_is_no_stranger(api: httpx.Client) -> None:
    """Also where a proxy asks us by another name than people ask it."""
    for origin in (str(api.base_url), "https://gateway.hospital"):
        assert api.post("/exports", content=BODY, headers=JSON | {"Origin": origin}).status_code in {200, 202}


def test_who_only_looks_may_call_us_anything(api: httpx.Client) -> None:
    assert api.get("/exports", headers={"Host": "evil.example", "Origin": ELSEWHERE}).status_code == 200
