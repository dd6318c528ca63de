"""The page for people, as a browser asks for it."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.associations.record import Outcome
from gateway.associations.store import AssociationStore
from gateway.config import DimseDestination, Settings
from gateway.config.sections import ApiSettings, PrefectSettings
from gateway.errors import Dependency
from gateway.exports.request import ExportRequest, read_export_request
from gateway.lookup.key import key_to_keep_with
from gateway.node_context import NodeContext
from gateway.payloads.workflow_request import workflow_request
from gateway.work.commands import Commands, OperatorCommand
from gateway.work.waiting import Wait
from listeners import page
from listeners.api.app import create_app
from listeners.page.routes import page_routes
from tests.deployments.commands.mig import used_site
from tests.deployments.payloads import made_payload, put_into_ready, with_lookups
from tests.gateway.associations.records import rejected, still_open, stored
from tests.gateway.events.payloads import payload, resource
from tests.gateway.exports.scene import request_body
from tests.gateway.inference.store_scene import Requests
from tests.gateway.receiving.scene import Scene as Spool
from tests.listeners.api.serving import serving

NOW = datetime.now(UTC)
TEMPLATES = Path(page.__file__).with_name("templates")
PAGES = ["/", "/ui/payloads", "/ui/associations", "/ui/destinations", "/ui/exports", "/ui/requests", "/ui/explain"]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeContext]:
    settings = Settings(
        data_dir=used_site(tmp_path),
        prefect=PrefectSettings(api_url="http://127.0.0.1:9/api"),
        destinations=(DimseDestination(name="pacs", ae_title="PACS", host="127.0.0.1", port=9),),
    )
    with closing(NodeContext(settings)) as node:
        yield node


@pytest.fixture
def browser(node: NodeContext) -> Iterator[httpx.Client]:
    with serving(create_app(ApiSettings(), [page_routes(node)])) as client:
        yield client


def waiting_payload(node: NodeContext) -> UUID:
    payload = made_payload(node.node_id).model_copy(update={"closed": NOW - timedelta(minutes=1)})
    put_into_ready(node.received, payload)
    node.payloads.record(payload)
    node.payloads.work.note_run(payload.payload_id, 1, uuid4())
    wait = Wait(Dependency.EVENTS, "no queue is bound")
    node.payloads.note_wait(payload.payload_id, [wait], NOW + timedelta(hours=1), NOW)
    return payload.payload_id


def announced_payload(node: NodeContext) -> UUID:
    payload = made_payload(node.node_id)
    node.payloads.record(payload)
    node.payloads.announcements.keep(payload.payload_id, workflow_request(payload, "monaideploy"))
    node.payloads.note_announced(payload.payload_id, NOW)
    return payload.payload_id


def token_on(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_before_anything_was_received(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert 'aria-current="page"' in answer.text


def test_nothing_comes_from_elsewhere(browser: httpx.Client) -> None:
    for path in PAGES:
        for address in re.findall(r'(?:src|href|action)="([^"]+)"', browser.get(path).text):
            assert address.startswith(("/", "#", "http://127.0.0.1:9")), address
    for name in ("style.css", "htmx.min.js", "icon.svg"):
        assert browser.get(f"/ui/static/{name}").status_code == 200
    assert browser.get("/ui/static/secrets").status_code == 404


def test_a_study_is_found_by_its_uid_and_its_payload_tells_all(browser: httpx.Client, node: NodeContext) -> None:
    payload_id = waiting_payload(node)
    AssociationStore(node.database).take_in([stored(outcome=Outcome.CUT, payload_ids=(payload_id,))], node.node_id)
    found = browser.get("/ui/payloads", params={"study": " 1.2.3 "}).text
    assert f"/ui/payloads/{payload_id}" in found
    assert "the sender broke off" in found
    assert "No payload is like that" in browser.get("/ui/payloads", params={"study": "1.2.4"}).text
    page = browser.get(f"/ui/payloads/{payload_id}").text
    for told in ("CT01 → MIG", "3 instances", f"monaideploy/{payload_id}/", "The sender broke off (cut)", "10.1.0.17"):
        assert told in page


def test_what_a_request_became_is_on_its_page(browser: httpx.Client, node: NodeContext) -> None:
    requests = Requests(node.requests, now=NOW)
    request = requests.accept()
    fetched = {"instances": (), "resources": (resource(),), "partial": True, "node": node.node_id}
    became = requests.announce(request, payload().model_copy(update=fetched))
    path = f"/ui/payloads/{became.payload_id}"
    assert path in browser.get("/ui/requests").text
    found = browser.get("/ui/payloads", params={"ae": "ACR-DSI"}).text
    assert path in found
    assert "0 and 1 resource<" in found
    page = browser.get(path).text
    for told in (f"request {request}", "0 instances, 1 FHIR resource", "Some of what was asked for could not be had"):
        assert told in page
    assert "None: FHIR resources alone." in page
    assert "<h2>Associations" not in page


def test_a_button_writes_what_the_command_line_would(browser: httpx.Client, node: NodeContext) -> None:
    payload_id = waiting_payload(node)
    path = f"/ui/payloads/{payload_id}"
    form = {"token": token_on(browser.get(path).text)}
    answer = browser.post(f"{path}/retry", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    (row,) = Commands(node.database).of_work("payload", payload_id)
    assert (row.command, row.asked_by) == (OperatorCommand.RETRY, "page")
    assert "noted: done as soon as the dispatcher and Prefect answer" in browser.get(path).text


def test_an_announced_payload_is_announced_again_or_sent(
    browser: httpx.Client, node: NodeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = ["[[destinations]]", 'name = "vna"', 'kind = "dimse"', 'ae_title = "A"', 'host = "h"']
    (tmp_path / "gateway.toml").write_text("\n".join(destination))
    monkeypatch.setenv("MIG_CONFIG", str(tmp_path / "gateway.toml"))
    payload_id = announced_payload(node)
    path = f"/ui/payloads/{payload_id}"
    page = browser.get(path).text
    assert "and may begin its workflows once more" in page
    form = {"token": token_on(page)}
    assert browser.post(f"{path}/announce", data=form).status_code == 303
    assert "<option>vna</option>" in page
    assert browser.post(f"{path}/send", data=form | {"destination": "vna"}).status_code == 303
    commands = Commands(node.database).of_work("payload", payload_id)
    told = [(row.command, row.destinations) for row in commands]
    assert told == [(OperatorCommand.ANNOUNCE, ()), (OperatorCommand.SEND, ("vna",))]
    assert "send to vna" in browser.get(path).text
    assert browser.post(f"{path}/send", data=form | {"destination": "nowhere"}).status_code == 409


def test_an_open_payload_is_closed(browser: httpx.Client, node: NodeContext) -> None:
    spool = Spool(node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    path = f"/ui/payloads/{group.payload_id}"
    page = browser.get(path).text
    assert "what comes later becomes another payload" in page
    assert browser.post(f"{path}/close", data={"token": token_on(page)}).status_code == 303
    (row,) = Commands(node.database).of_work("payload", group.payload_id)
    assert row.command is OperatorCommand.CLOSE


def test_what_an_operator_has_sent_stands_with_its_payload(browser: httpx.Client, node: NodeContext) -> None:
    payload_id, command = waiting_payload(node), uuid4()
    node.exports.record(ExportRequest("", "", "", ("a",), ("pacs",), str(payload_id), command=command), NOW)
    assert f"/ui/exports/{command}" in browser.get(f"/ui/payloads/{payload_id}").text
    assert "no md.export.complete tells of it" in browser.get(f"/ui/exports/{command}").text


def test_what_makes_no_sense_is_said(browser: httpx.Client, node: NodeContext) -> None:
    payload_id = waiting_payload(node)
    form = {"token": token_on(browser.get(f"/ui/payloads/{payload_id}").text)}
    node.received.finish(payload_id)
    answer = browser.post(f"/ui/payloads/{payload_id}/retry", data=form)
    assert answer.status_code == 409
    assert f"payload {payload_id} is announced" in answer.text


def test_what_was_not_pressed_on_the_page_does_nothing(browser: httpx.Client, node: NodeContext) -> None:
    payload_id = waiting_payload(node)
    answer = browser.post(f"/ui/payloads/{payload_id}/cancel", data={"token": "guessed"})
    assert answer.status_code == 403
    assert '<p class="state" role="status">The page is older than the gateway, load it again.</p>' in answer.text
    assert Commands(node.database).of_work("payload", payload_id) == []


def test_who_was_refused_stands_on_the_overview(browser: httpx.Client, node: NodeContext) -> None:
    at_ns = int(NOW.timestamp() * 1e9)
    refusal = rejected(began_ns=at_ns, ended_ns=at_ns, calling_ae="<b>CT02")
    AssociationStore(node.database).take_in([refusal], node.node_id)
    page = browser.get("/").text
    assert "CT02 is registered for 10.1.0.17, it came from 10.1.0.99" in page
    assert "&lt;b&gt;CT02" in page
    assert "<b>CT02" not in page
    assert "&lt;b&gt;CT02" in browser.get("/ui/associations", params={"refused": "true"}).text


def test_an_export_is_shown_file_by_file(browser: httpx.Client, node: NodeContext) -> None:
    request = read_export_request(request_body(["a.dcm"], ["pacs"]))
    node.exports.record(request, NOW)
    assert f"/ui/exports/{request.export_id}" in browser.get("/ui/exports", params={"destination": "pacs"}).text
    assert "a.dcm" in browser.get(f"/ui/exports/{request.export_id}").text


def test_a_destination_is_asked_by_its_button(browser: httpx.Client) -> None:
    form = {"token": token_on(browser.get("/ui/destinations").text), "name": "pacs"}
    assert "connection refused" in browser.post("/ui/destinations/echo", data=form).text


@pytest.mark.parametrize("path", [f"/ui/payloads/{UUID(int=1)}", f"/ui/exports/{UUID(int=1)}"])
def test_what_is_not_there_is_said_on_a_page(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, f"{UUID(int=1)}</p>" in answer.text) == (404, True)
    unreadable = browser.get("/ui/payloads/Doe^Jane")
    assert (unreadable.status_code, "be understood</p>" in unreadable.text) == (400, True)
    assert "Doe" not in unreadable.text


def test_each_cell_names_its_column_for_a_phone_which_has_no_heads() -> None:
    for template in TEMPLATES.glob("*.html"):
        for table in re.findall(r"<thead>.*?</table>", template.read_text(), re.DOTALL):
            head, _, body = table.partition("</thead>")
            row = body.partition("{% else %}")[0]
            named = re.findall(r'data-head="([^"]+)"', row)
            assert named == list(re.findall(r"<th>([^<]+)", head))[-len(named) :], template.name
            assert len(re.findall(r"<t[dh]", row)) == head.count("<th>"), template.name


def test_a_payload_tells_where_it_was_sent_and_since_when_it_is_stored(
    browser: httpx.Client, node: NodeContext
) -> None:
    payload_id = waiting_payload(node)
    node.received.note_uploaded(payload_id, NOW)
    request = read_export_request(request_body([f"{payload_id}/dcm/1.dcm"], ["pacs"], payload_id=None))
    node.exports.record(request, NOW)
    page = browser.get(f"/ui/payloads/{payload_id}").text
    assert f'<a href="/ui/exports/{request.export_id}">' in page
    assert "until it was stored" in page


def test_a_study_is_looked_for_by_what_is_posted(browser: httpx.Client, node: NodeContext) -> None:
    key = key_to_keep_with(node.settings)
    assert key
    payload = with_lookups(made_payload(node.node_id), key, accession=b"ACC-1", patient=b"P1")
    node.payloads.record(payload)
    form = {"token": token_on(browser.get("/ui/payloads").text)}
    assert f"/ui/payloads/{payload.payload_id}" in browser.post("/ui/payloads", data=form | {"accession": "ACC-1"}).text
    assert "No payload is like that" in browser.post("/ui/payloads", data=form | {"accession": "ACC-2"}).text
    issuer_alone = browser.post("/ui/payloads", data=form | {"issuer": "H"}).text
    assert "an issuer without a Patient ID" in issuer_alone
    assert "No payload is like that" not in issuer_alone
    assert browser.post("/ui/payloads", data={"accession": "ACC-1"}).status_code == 403
    assert browser.post("/ui/payloads", data=form | {"after": "SECRET"}).status_code == 400
    assert str(payload.payload_id) not in browser.get("/ui/payloads", params={"source": "10.1.0.17"}).text


def test_the_page_says_where_nothing_is_kept_to_look_for(browser: httpx.Client, node: NodeContext) -> None:
    form = {"token": token_on(browser.get("/ui/payloads").text), "patient": "P1"}
    page = browser.post("/ui/payloads", data=form).text
    assert "there is no such file" in page
    assert "No payload is like that" not in page


def test_an_association_that_is_open_is_shown_before_it_ends(browser: httpx.Client, node: NodeContext) -> None:
    store = AssociationStore(node.database)
    store.take_in([stored(calling_ae="OVER")], node.node_id)
    store.renew([still_open(calling_ae="SENDS")], node.node_id)
    for parameters, also in (({}, True), ({"open": "true"}, False)):
        page = browser.get("/ui/associations", params=parameters).text
        assert 'data-head="how">open<td data-head="from">SENDS' in page
        assert ("OVER" in page) is also
