"""Exports over HTTP."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gateway.config import Settings
from gateway.config.sections import ApiSettings
from gateway.exports.ledger import opened_ledger
from gateway.exports.request import read_export_request
from gateway.exports.states import ExportState
from gateway.node_context import NodeContext
from gateway.spool.node import read_node
from gateway.work.commands import Commands, OperatorCommand
from listeners.api.app import create_app
from listeners.api.problems import MEDIA_TYPE as PROBLEM
from listeners.api.routes.commands import commands_routes
from listeners.api.routes.exports import exports_routes
from tests.databases import empty_database
from tests.gateway.dimse.raw_pacs import answering, raw_pacs
from tests.gateway.exports.scene import Scene, pacs_destination, request_body
from tests.listeners.api.serving import serving

BODY = request_body(["a.dcm"], ["pacs"])
EXPORT_ID = str(read_export_request(BODY).export_id)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with opened_ledger(empty_database(tmp_path / "gateway.db")) as ledger:
        yield Scene(tmp_path, ledger)


@pytest.fixture
def api(scene: Scene, tmp_path: Path) -> Iterator[httpx.Client]:
    with closing(NodeContext(Settings(data_dir=tmp_path))) as node:
        read_node(tmp_path / "spool")
        with serving(create_app(ApiSettings(), [exports_routes(node), commands_routes(node)])) as client:
            client.headers["Content-Type"] = "application/json"
            yield client


def test_a_request_is_accepted_once_it_is_recorded(api: httpx.Client, scene: Scene) -> None:
    answer = api.post("/exports", content=BODY)
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/exports/{EXPORT_ID}")
    assert answer.json() == {"id": EXPORT_ID, "is_new": True}
    (work,) = scene.ledger.work.without_run(10)
    assert (str(work.work_id), scene.row(work.work_id).agent) == (EXPORT_ID, "")


def test_a_request_that_comes_again_changes_nothing(api: httpx.Client, scene: Scene) -> None:
    api.post("/exports", content=BODY)
    assert api.post("/exports", content=BODY).status_code == 200
    assert len(scene.ledger.work.without_run(10)) == 1


def test_what_can_not_be_understood_is_a_problem(api: httpx.Client) -> None:
    answer = api.post("/exports", content=b'{"workflow_instance_id": "x"}')
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, PROBLEM)
    assert answer.json()["errors"] == {"export_task_id": ["missing"]}
    assert api.post("/exports", content=b"{").status_code == 400


def test_exports_are_listed_the_newest_first_by_state_and_destination_in_pages(api: httpx.Client, scene: Scene) -> None:
    for number, destination in enumerate(["pacs", "vna", "pacs"]):
        scene.ask(["a"], destination, task=f"task-{number}")
        scene.move(1)
    assert [each["export_task_id"] for each in api.get("/exports").json()] == ["task-2", "task-1", "task-0"]
    assert [each["export_task_id"] for each in api.get("/exports?destination=vna").json()] == ["task-1"]
    assert [each["export_task_id"] for each in api.get("/exports?limit=1&page=2").json()] == ["task-1"]
    assert api.get("/exports?state=waiting").json() == []
    assert api.get("/exports?state=nonsense").status_code == 400


def test_an_export_is_shown_file_by_file(api: httpx.Client, scene: Scene) -> None:
    with raw_pacs(answering(0xC000)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(2), "pacs")
        scene.settled(export_id)
    shown = api.get(f"/exports/{export_id}").json()
    assert (shown["state"], shown["files"], shown["stored"], shown["missing"]) == ("partial", 2, 1, 1)
    (place,) = shown["destinations"]
    assert [(file["state"], file["code"]) for file in place["files"]] == [("failed", 0xC000), ("stored", 0)]


def test_a_retry_is_noted_for_the_dispatcher(api: httpx.Client, scene: Scene) -> None:
    export_id = scene.ask(["a"], "nowhere")
    scene.settled(export_id)
    assert scene.row(export_id).state is ExportState.FAILED
    assert api.post(f"/exports/{export_id}/retry").status_code == 202
    (command,) = Commands(scene.ledger.engine).of_work("export", export_id)
    assert (command.command, command.asked_by, command.done) == (OperatorCommand.RETRY, "HTTP", None)


def test_what_goes_on_by_itself_is_not_retried(api: httpx.Client, scene: Scene) -> None:
    export_id = scene.ask(["a"], "pacs")
    answer = api.post(f"/exports/{export_id}/retry")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"export {export_id} is recorded: it goes on by itself",
    )


def test_an_export_that_is_not_there_is_not_found(api: httpx.Client) -> None:
    for answer in (api.get(f"/exports/{EXPORT_ID}"), api.post(f"/exports/{EXPORT_ID}/retry")):
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


def test_a_database_that_is_away_is_a_503(scene: Scene, api: httpx.Client) -> None:
    file = scene.directory / "gateway.db"
    file.unlink()
    file.mkdir()
    for answer in (api.post("/exports", content=BODY), api.get("/exports")):
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, PROBLEM)
