"""Received payloads over HTTP: the same as the command line tells."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.associations.store import AssociationStore
from gateway.config import Settings
from gateway.config.sections import ApiSettings, PrefectSettings
from gateway.exports.request import read_export_request
from gateway.lookup.digests import LookupKey
from gateway.lookup.key import key_to_keep_with
from gateway.node_context import NodeContext
from gateway.payloads.index import PayloadIndex
from listeners.api.app import create_app
from listeners.api.problems import MEDIA_TYPE as PROBLEM
from listeners.api.routes.payloads import payloads_routes
from tests.deployments.commands.mig import MigHere, used_site
from tests.deployments.payloads import made_payload, put_into_ready, with_lookups
from tests.gateway.associations.records import stored
from tests.gateway.exports.scene import request_body
from tests.listeners.api.serving import serving

CLOSED = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
NO_PREFECT = "http://127.0.0.1:9/api"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeContext]:
    settings = Settings(data_dir=used_site(tmp_path), prefect=PrefectSettings(api_url=NO_PREFECT))
    with closing(NodeContext(settings)) as node:
        yield node


@pytest.fixture
def api(node: NodeContext) -> Iterator[httpx.Client]:
    with serving(create_app(ApiSettings(), [payloads_routes(node)])) as client:
        yield client


def announced(index: PayloadIndex, node: UUID, number: int, calling: str = "CT01") -> str:
    payload = made_payload(node, calling=calling).model_copy(update={"closed": CLOSED + timedelta(hours=number)})
    index.record(payload)
    index.note_announced(payload.payload_id, CLOSED)
    return str(payload.payload_id)


def listed(api: httpx.Client, **asked: object) -> list[str]:
    answer = api.get("/payloads", params=asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["payloads"]]


def test_the_pages_go_on_from_one_to_the_next(api: httpx.Client, node: NodeContext) -> None:
    newest = [announced(node.payloads, node.node_id, number) for number in range(5)][::-1]
    page = api.get("/payloads", params={"limit": 2}).json()
    assert ([each["id"] for each in page["payloads"]], page["after"], page["total"]) == (newest[:2], newest[1], 5)
    announced(node.payloads, node.node_id, 9)
    assert listed(api, limit=2, after=page["after"]) == newest[2:4]
    last = api.get("/payloads", params={"after": newest[2]}).json()
    assert ([each["id"] for each in last["payloads"]], last["after"]) == (newest[3:], None)


def test_a_study_is_found(api: httpx.Client, node: NodeContext) -> None:
    there = announced(node.payloads, node.node_id, 1)
    announced(node.payloads, node.node_id, 2, calling="MR01")
    assert listed(api, study="1.2.3", ae="CT01", state="announced", closed_by="quiet") == [there]
    assert listed(api, study="1.2.4") == []
    assert listed(api, since="2026-03-01T16:00:00+01:00") == listed(api, ae="MR01")
    assert listed(api, state="failed") == []


def test_a_payload_tells_what_fed_it_its_run_and_where_it_was_sent(
    api: httpx.Client, node: NodeContext, tmp_path: Path
) -> None:
    payload, run_id = made_payload(node.node_id), uuid4()
    put_into_ready(node.received, payload)
    node.payloads.record(payload)
    node.payloads.work.note_run(payload.payload_id, 1, run_id)
    node.received.note_uploaded(payload.payload_id, CLOSED)
    association = stored(payload_ids=(payload.payload_id,))
    AssociationStore(node.database).take_in([association], node.node_id)
    request = read_export_request(request_body([f"{payload.payload_id}/dcm/1.dcm"], ["pacs"], payload_id=None))
    node.exports.record(request, CLOSED)
    node.exports.record(read_export_request(request_body(["other.dcm"], ["pacs"], task="task-2")), CLOSED)
    told = api.get(f"/payloads/{payload.payload_id}").json()
    assert told["run_url"] == f"http://127.0.0.1:9/runs/flow-run/{run_id}"
    assert told["uploaded"] == "2026-03-01T13:00:00Z"
    assert ([each["id"] for each in told["exports"]], told["export_count"]) == ([str(request.export_id)], 1)
    assert ([each["id"] for each in told["associations"]], told["association_count"]) == (
        [str(association.association_id)],
        1,
    )
    mig = MigHere(tmp_path, {"MIG_PREFECT__API_URL": NO_PREFECT})
    shown = mig("payload", "show", str(payload.payload_id), "--json").rows
    for name in ("exports", "associations"):
        assert [each["id"] for each in shown[name]] == [each["id"] for each in told[name]]
    said = mig("payload", "show", str(payload.payload_id)).output
    assert {told["run_url"], str(request.export_id), str(association.association_id)} <= set(said.split())


def test_a_payload_is_told_as_the_command_line_tells_it(api: httpx.Client, node: NodeContext, tmp_path: Path) -> None:
    there = announced(node.payloads, node.node_id, 1)
    shown = MigHere(tmp_path, {"MIG_PREFECT__API_URL": NO_PREFECT})("payload", "show", there, "--json").rows
    told = api.get(f"/payloads/{there}").json()
    assert told.keys() == shown.keys()
    assert (told["id"], told["state"], told["studies"]) == (there, "announced", shown["studies"])
    assert {name for name in told if told[name] != shown[name] and not str(told[name]).endswith("Z")} == set()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/payloads/00000000-0000-4000-8000-000000000000", 404),
        ("/payloads?after=00000000-0000-4000-8000-000000000000", 404),
        ("/payloads/nonsense", 404),
        ("/payloads?state=nonsense", 400),
        ("/payloads?closed_by=nonsense", 400),
        ("/payloads?since=2026-03-01", 400),
        ("/payloads?limit=0", 400),
        ("/payloads?study=%00", 400),
    ],
)
def test_what_can_not_be_answered_is_a_problem(api: httpx.Client, path: str, status: int) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)


@pytest.fixture
def key(node: NodeContext) -> LookupKey:
    made = key_to_keep_with(node.settings)
    assert made
    return made


def test_a_payload_is_found_by_what_a_person_has(api: httpx.Client, node: NodeContext, key: LookupKey) -> None:
    payloads = [made_payload(node.node_id) for _ in range(3)]
    for number, payload in enumerate(payloads):
        kept = with_lookups(payload, key, accession=b"ACC-1", patient=b"P1", issuer=b"H")
        node.payloads.record(kept.model_copy(update={"closed": CLOSED + timedelta(hours=number)}))
        node.payloads.note_announced(payload.payload_id, CLOSED)
    newest = [str(payload.payload_id) for payload in payloads][::-1]
    asked = {"accession_number": "ACC-1", "patient_id": "P1", "issuer_of_patient_id": "H", "limit": 2}
    page = api.post("/payloads/find", json=asked).json()
    assert ([each["id"] for each in page["payloads"]], page["total"], page["not_searched_until"]) == (
        newest[:2],
        3,
        None,
    )
    rest = api.post("/payloads/find", json=asked | {"after": page["after"]}).json()
    assert [each["id"] for each in rest["payloads"]] == newest[2:]
    assert api.post("/payloads/find", json={"accession_number": "ACC-2"}).json()["payloads"] == []
    assert api.post("/payloads/find", json={"accession_number": "ACC-1", "ae": "MR01"}).json()["payloads"] == []


def test_what_was_not_searched_is_told(api: httpx.Client, node: NodeContext, key: LookupKey) -> None:
    announced(node.payloads, node.node_id, 1)
    page = api.post("/payloads/find", json={"patient_id": "P1"}).json()
    assert (page["payloads"], page["not_searched_until"]) == ([], "2026-03-01T14:00:00Z")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"accession_number": "SECRET-1"', 400),
        (b'["SECRET-1"]', 400),
        (b'{"SECRET-1": "x"}', 400),
        (b'{"accession_number": ["SECRET-1"]}', 400),
        (b'{"patient_id": "SECRET-1", "limit": "SECRET-1"}', 400),
        (b'{"patient_id": "SECRET-1", "state": "SECRET-1"}', 400),
        (b'{"issuer_of_patient_id": "SECRET-1"}', 422),
        (b'{"accession_number": " "}', 422),
    ],
)
def test_of_what_is_looked_for_nothing_is_said_back(
    api: httpx.Client, key: LookupKey, body: bytes, status: int
) -> None:
    answer = api.post("/payloads/find", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert "SECRET" not in answer.text


def test_where_nothing_is_kept_it_is_not_said_that_there_is_nothing(api: httpx.Client) -> None:
    answer = api.post("/payloads/find", json={"accession_number": "ACC-1"})
    assert answer.status_code == 409
    assert "there is no such file" in answer.json()["detail"]


def test_no_address_names_a_patient(api: httpx.Client) -> None:
    for method in ("GET", "PUT"):
        answer = api.request(method, "/payloads/find", params={"accession_number": "ACC-1"})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    parameters = api.get("/openapi.json").json()["paths"]["/payloads"]["get"]["parameters"]
    assert {each["name"] for each in parameters}.isdisjoint({"accession_number", "patient_id"})
