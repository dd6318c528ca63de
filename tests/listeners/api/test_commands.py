"""What operators ask over HTTP, of one piece of work and of all in a state."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.acr.submission import read_submission
from gateway.config import Settings
from gateway.config.sections import ApiSettings, PrefectSettings
from gateway.inference.lease import take
from gateway.node_context import NodeContext
from gateway.payloads.workflow_request import workflow_request
from gateway.work import MOST_AT_ONCE
from gateway.work.commands import CommandRow, Commands, OperatorCommand
from listeners.api.app import create_app
from listeners.api.problems import MEDIA_TYPE as PROBLEM
from listeners.api.routes.commands import commands_routes
from tests.deployments.commands.mig import used_site
from tests.deployments.payloads import made_payload, put_into_ready
from tests.gateway.acr.requests import as_body, inference_request
from tests.gateway.exports.scene import BEGAN, Scene, have_failed
from tests.gateway.receiving.scene import Scene as Spool
from tests.listeners.api.serving import serving

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeContext]:
    destination = ["[[destinations]]", 'name = "pacs"', 'kind = "dimse"', 'ae_title = "A"', 'host = "h"']
    (tmp_path / "gateway.toml").write_text("\n".join(destination))
    monkeypatch.setenv("MIG_CONFIG", str(tmp_path / "gateway.toml"))
    settings = Settings(data_dir=used_site(tmp_path), prefect=PrefectSettings(api_url="http://127.0.0.1:9/api"))
    with closing(NodeContext(settings)) as node:
        yield node


@pytest.fixture
def api(node: NodeContext) -> Iterator[httpx.Client]:
    with serving(create_app(ApiSettings(), [commands_routes(node)])) as client:
        yield client


@pytest.fixture
def exporting(node: NodeContext, tmp_path: Path) -> Scene:
    return Scene(tmp_path, node.exports)


def announced(node: NodeContext) -> UUID:
    payload = made_payload(node.node_id)
    node.payloads.record(payload)
    node.payloads.announcements.keep(payload.payload_id, workflow_request(payload, "monaideploy"))
    node.payloads.note_announced(payload.payload_id, NOW)
    return payload.payload_id


def asked(node: NodeContext, kind: str, work_id: UUID) -> CommandRow:
    (row,) = Commands(node.database).of_work(kind, work_id)
    assert row.asked_by == "HTTP"
    return row


def failed_request(node: NodeContext, transaction_id: str) -> UUID:
    body = as_body(inference_request(transaction_id=transaction_id))
    request_id = node.requests.accept(read_submission(body, allow_credentials_over_http=True), None, NOW)
    lease = take(node.requests, request_id, uuid4(), NOW)
    assert lease
    lease.fail("no such study", NOW)
    return request_id


def test_a_payload_is_announced_again(api: httpx.Client, node: NodeContext) -> None:
    payload_id = announced(node)
    answer = api.post(f"/payloads/{payload_id}/announce")
    assert (answer.status_code, answer.json()) == (202, {"id": str(payload_id)})
    assert asked(node, "payload", payload_id).command is OperatorCommand.ANNOUNCE


def test_a_payload_is_sent_to_destinations(api: httpx.Client, node: NodeContext) -> None:
    payload_id = announced(node)
    assert api.post(f"/payloads/{payload_id}/send", json={"destinations": ["pacs"]}).status_code == 202
    row = asked(node, "payload", payload_id)
    assert (row.command, row.destinations) == (OperatorCommand.SEND, ("pacs",))
    refused = api.post(f"/payloads/{payload_id}/send", json={"destinations": ["Doe^Jane"]})
    assert (refused.status_code, refused.headers["Content-Type"]) == (409, PROBLEM)
    assert "registered are pacs" in refused.json()["detail"]
    assert "Doe" not in refused.text
    wrong: tuple[dict[str, object], ...] = ({}, {"destinations": []}, {"destinations": ["pacs"], "more": 1})
    for body in wrong:
        assert api.post(f"/payloads/{payload_id}/send", json=body).status_code == 400
    unstored = api.post(f"/payloads/{payload_id}/send?dryRun=true", json={"destinations": ["pacs"]})
    assert "the object store has no DICOM object of it" in unstored.json()["detail"]


def test_an_open_payload_is_closed(api: httpx.Client, node: NodeContext) -> None:
    spool = Spool(node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    assert api.post(f"/payloads/{group.payload_id}/close").status_code == 202
    assert asked(node, "payload", group.payload_id).command is OperatorCommand.CLOSE


def test_what_makes_no_sense_is_a_409_with_the_reason(api: httpx.Client, node: NodeContext) -> None:
    payload_id = announced(node)
    for command, why in (("retry", "is announced"), ("cancel", "is announced"), ("close", "is closed already")):
        answer = api.post(f"/payloads/{payload_id}/{command}")
        assert (answer.status_code, answer.json()["title"]) == (409, f"There is nothing to {command}")
        assert answer.json()["detail"] == f"payload {payload_id} {why}"


@pytest.mark.parametrize("room", ["payloads", "exports", "inference"])
def test_what_is_not_there_is_a_404(api: httpx.Client, room: str) -> None:
    for command in ("retry", "cancel"):
        answer = api.post(f"/{room}/{uuid4()}/{command}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


def test_an_export_is_cancelled(api: httpx.Client, node: NodeContext, exporting: Scene) -> None:
    export_id = exporting.ask(["a"], "pacs")
    assert api.post(f"/exports/{export_id}/cancel").status_code == 202
    assert asked(node, "export", export_id).command is OperatorCommand.CANCEL


def test_the_exports_that_are_meant_are_counted_and_then_retried(
    api: httpx.Client, node: NodeContext, exporting: Scene
) -> None:
    ids = []
    for number, destination in enumerate(["nowhere", "elsewhere", "nowhere"]):
        ids.append(exporting.ask(["a"], destination, task=f"task-{number}"))
        exporting.settled(ids[-1])
        exporting.move(60)
    meant = {"state": "failed", "destination": "nowhere", "since": (BEGAN + timedelta(seconds=1)).isoformat()}
    counted = api.post("/exports/retry", json=meant | {"dryRun": True})
    assert (counted.status_code, counted.json()) == (200, {"count": 1, "more": False, "dryRun": True})
    assert Commands(node.database).claim(NOW, node.node_id) is None
    retried = api.post("/exports/retry", json=meant)
    assert (retried.status_code, retried.json()) == (202, {"count": 1, "more": False, "dryRun": False})
    assert asked(node, "export", ids[2]).command is OperatorCommand.RETRY
    assert Commands(node.database).of_work("export", ids[0]) == []
    assert api.post("/exports/retry", json=meant | {"until": BEGAN.isoformat()}).json()["count"] == 0


@pytest.mark.slow
def test_the_requests_that_are_meant_are_retried_each_once(api: httpx.Client, node: NodeContext) -> None:
    failed = [failed_request(node, f"T-{number}") for number in range(600)]  # more than one commit takes
    for _ in range(2):
        assert api.post("/inference/retry", json={"state": "failed"}).json() == {
            "count": 600,
            "more": False,
            "dryRun": False,
        }
    assert all(asked(node, "request", request_id) for request_id in failed)
    later = {"state": "failed", "since": (NOW + timedelta(hours=1)).isoformat(), "dryRun": True}
    assert api.post("/inference/retry", json=later).json() == {"count": 0, "more": False, "dryRun": True}


@pytest.mark.slow
def test_that_more_are_meant_than_are_asked_at_once_is_said(api: httpx.Client, node: NodeContext) -> None:
    have_failed(node.database, MOST_AT_ONCE)
    meant = {"state": "failed", "dryRun": True}
    assert api.post("/exports/retry", json=meant).json() == {"count": MOST_AT_ONCE, "more": False, "dryRun": True}
    have_failed(node.database, 1)
    assert api.post("/exports/retry", json=meant).json() == {"count": MOST_AT_ONCE, "more": True, "dryRun": True}


def test_without_prefect_nobody_knows_which_payloads_have_failed(api: httpx.Client, node: NodeContext) -> None:
    payload = made_payload(node.node_id)
    put_into_ready(node.received, payload)
    node.payloads.record(payload)
    node.payloads.work.note_run(payload.payload_id, 1, uuid4())
    answer = api.post("/payloads/retry", json={"state": "failed"})
    assert (answer.status_code, "Prefect does not answer" in answer.json()["detail"]) == (503, True)


def test_only_posting_is_offered_where_many_are_retried(api: httpx.Client) -> None:
    answer = api.delete("/exports/retry")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("body", [{}, {"state": "announced"}, {"state": "failed", "studies": "1.2"}, []])
@pytest.mark.parametrize("room", ["payloads", "exports", "inference"])
def test_what_is_to_be_retried_is_said_exactly(api: httpx.Client, room: str, body: object) -> None:
    answer = api.post(f"/{room}/retry", json=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, PROBLEM)
