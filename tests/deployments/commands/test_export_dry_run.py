"""`mig export submit --dry-run` and `POST /exports?dryRun=true` say what a run then does, and record nothing.

The same of a payload that an operator would send, on the page as well.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.config import Settings, load_settings
from gateway.exports.ledger import opened_ledger
from gateway.exports.request import read_export_request
from gateway.inference.outputs import output_services
from gateway.inference.store import RequestStore
from gateway.node_context import NodeContext
from gateway.payloads.index import PayloadIndex
from gateway.work.commands import Commands
from listeners.api.app import create_app
from listeners.api.routes.commands import commands_routes
from listeners.api.routes.exports import exports_routes
from listeners.page.routes import page_routes
from tests.databases import empty_database
from tests.deployments.commands.mig import MigHere
from tests.deployments.payloads import made_payload
from tests.gateway.dimse.raw_pacs import RawPacs, answering, raw_pacs
from tests.gateway.exports.scene import Scene, pacs_destination, request_body
from tests.listeners.api.serving import serving

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with opened_ledger(empty_database(tmp_path / "var" / "gateway.db")) as ledger:
        yield Scene(tmp_path, ledger)


@pytest.fixture
def pacs(scene: Scene, tmp_path: Path) -> Iterator[RawPacs]:
    """An archive that takes everything, registered here and in the scene."""
    with raw_pacs(answering()) as pacs:
        known = pacs_destination(pacs)
        scene.register(known)
        (tmp_path / "gateway.toml").write_text(
            f'[object_store]\nkind = "local"\npath = "{tmp_path}/objects"\n'
            '[events]\nkind = "rabbitmq"\nhost = "rabbitmq"\n'
            f'[[destinations]]\nkind = "dimse"\nname = "pacs"\nae_title = "{known.ae_title}"\n'
            f'host = "{known.host}"\nport = {known.port}\n'
        )
        yield pacs


@pytest.fixture
def mig(pacs: RawPacs, tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


@pytest.fixture
def api(mig: MigHere, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setenv("MIG_CONFIG", str(mig.directory / "gateway.toml"))
    with (
        closing(NodeContext(load_settings().settings)) as node,
        serving(
            create_app(node.settings.api, [exports_routes(node), commands_routes(node), page_routes(node)])
        ) as client,
    ):
        yield client


def dry_run(mig: MigHere, body: bytes, exit_code: int = 0) -> Any:
    (mig.directory / "request.json").write_bytes(body)
    ended = mig("export", "submit", "--dry-run", "--json", "request.json")
    assert ended.exit_code == exit_code, ended.errors
    return ended.rows


def carried_out(scene: Scene, body: bytes) -> dict[str, Any]:
    """Record the request, run the export, and return what is told of it."""
    scene.settled(scene.record(read_export_request(body)))
    (event,) = scene.published()
    return event


def test_what_is_told_is_what_was_foreseen(mig: MigHere, scene: Scene) -> None:
    body = request_body(scene.put_some(2), ["pacs"])
    foreseen = dry_run(mig, body)
    assert scene.ledger.row(UUID(foreseen["id"])) is None
    (place,) = foreseen["destinations"]
    assert (place["name"], place["kind"], place["state"], place["sends"]) == ("pacs", "dimse", "unknown", 2)
    assert all(each["bytes"] > 0 and not each["reason"] for each in foreseen["files"])
    assert (foreseen["event"]["exchange"], foreseen["event"]["routing_key"]) == ("monaideploy", "md.export.complete")
    assert foreseen["event"]["body"] == carried_out(scene, body)


def test_what_would_be_skipped_is_told_in_the_words_of_the_event(mig: MigHere, scene: Scene) -> None:
    body = request_body([*scene.put_some(1), "p/missing.dcm", "../secret"], ["pacs", "nowhere"])
    foreseen = dry_run(mig, body, exit_code=1)
    _, *skipped = foreseen["files"]
    assert [each["reason"] for each in skipped] == ["the object store does not have it", "its path is no object key"]
    pacs, nowhere = foreseen["destinations"]
    assert (pacs["sends"], nowhere["sends"], nowhere["kind"]) == (1, 0, "")
    requests, settings = RequestStore(scene.ledger.engine), Settings(data_dir=mig.directory / "var")
    scene.outputs = lambda transaction_id: output_services(requests, transaction_id, settings, scene.now)
    told = carried_out(scene, body)
    assert nowhere["reason"] in told["message"]
    assert foreseen["event"]["body"] == told


@pytest.mark.parametrize(("files", "destinations"), [([], ["pacs"]), (["a"], []), (["a", "a"], ["pacs"])])
def test_a_request_that_can_not_be_served(
    mig: MigHere, scene: Scene, files: list[str], destinations: list[str]
) -> None:
    body = request_body(files, destinations)
    foreseen = dry_run(mig, body, exit_code=1)
    told = carried_out(scene, body)
    assert foreseen["problem"] == told["message"] == foreseen["event"]["body"]["message"]
    assert foreseen["event"]["body"] == told


def test_a_known_export_changes_nothing_and_says_what_is_stored(mig: MigHere, scene: Scene) -> None:
    body = request_body(scene.put_some(2), ["pacs"])
    carried_out(scene, body)
    foreseen = dry_run(mig, body)
    (place,) = foreseen["destinations"]
    assert (foreseen["known"], foreseen["event"]) == ("succeeded", None)
    assert (place["sends"], place["stored"], place["state"]) == (0, 2, "there")
    assert "known already, succeeded: nothing changes" in mig("export", "submit", "--dry-run", "request.json").output


def test_a_destination_that_is_known_to_be_away_says_so(mig: MigHere, scene: Scene) -> None:
    for _ in range(3):
        scene.circuits.failed("pacs", "connection refused", scene.now)
    (place,) = dry_run(mig, request_body(scene.put_some(1), ["pacs"]))["destinations"]
    assert (place["state"], place["reason"]) == ("away", "connection refused")


def test_http_says_the_same(mig: MigHere, scene: Scene, api: httpx.Client) -> None:
    body = request_body([*scene.put_some(1), "p/missing.dcm"], ["pacs"])
    answer = api.post("/exports?dryRun=true", content=body, headers=JSON)
    assert answer.status_code == 200
    assert answer.json() == dry_run(mig, body, exit_code=1)
    assert not answer.json()["is_all_sent"]
    assert api.get("/exports").json() == []


def test_an_object_store_that_can_not_be_asked_is_no_answer(mig: MigHere, scene: Scene, api: httpx.Client) -> None:
    body = request_body(scene.put_some(1), ["pacs"])
    bucket = mig.directory / "objects" / "monaideploy"
    bucket.rename(bucket.with_name("gone"))
    bucket.symlink_to(bucket)  # a loop: nobody reads what is behind it
    answer = api.post("/exports?dryRun=true", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["title"]) == (503, "The object store can't be asked")
    (mig.directory / "request.json").write_bytes(body)
    assert mig("export", "submit", "--dry-run", "request.json").exit_code == 3


def test_a_person_reads_destinations_files_and_event(mig: MigHere, scene: Scene) -> None:
    (mig.directory / "request.json").write_bytes(request_body([*scene.put_some(1), "p/missing.dcm"], ["pacs"]))
    shown = mig("export", "submit", "--dry-run", "request.json")
    assert shown.exit_code == 1
    parts = ["would be recorded", "KIND", " dimse ", "p/missing.dcm", "md.export.complete", '"status"']
    places = [shown.output.index(part) for part in parts]
    assert places == sorted(places)
    assert mig("export", "submit", "--json", "request.json").exit_code == 2


@pytest.fixture
def payload_id(scene: Scene) -> UUID:
    """A payload that is announced; of it two instances are stored, and what a workflow has put beside them."""
    index, payload = PayloadIndex(scene.ledger.engine), made_payload(uuid4())
    index.record(payload)
    index.note_announced(payload.payload_id, scene.now)
    for name in ("dcm/1.dcm", "dcm/2.dcm", "dcm/1.json", "report.dcm"):
        scene.put_bytes(f"{payload.payload_id}/{name}", b"a" * 10)
    return payload.payload_id


def test_a_payload_that_an_operator_would_send(mig: MigHere, scene: Scene, api: httpx.Client, payload_id: UUID) -> None:
    asked = ("payload", "send", str(payload_id), "--to", "pacs", "--dry-run")
    foreseen = mig(*asked, "--json").rows
    assert (foreseen["id"], foreseen["known"], foreseen["event"], foreseen["is_all_sent"]) == (None, None, None, True)
    assert [(each["path"], each["bytes"]) for each in foreseen["files"]] == [
        (f"{payload_id}/dcm/{number}.dcm", 10) for number in (1, 2)
    ]
    assert [(each["name"], each["sends"]) for each in foreseen["destinations"]] == [("pacs", 2)]
    answer = api.post(f"/payloads/{payload_id}/send?dryRun=true", json={"destinations": ["pacs"]})
    assert (answer.status_code, answer.json()) == (200, foreseen)
    assert mig(*asked).output.startswith("an export would be recorded\n")
    page = api.get(f"/ui/payloads/{payload_id}/send", params={"destination": "pacs"}).text
    assert "2 of 2 files would go to pacs" in page
    assert f'{payload_id}/dcm/2.dcm<td data-head="bytes">10' in page
    assert api.get("/exports").json() == []
    assert Commands(scene.ledger.engine).of_work("payload", payload_id) == []


def test_a_payload_that_can_not_be_sent_is_refused_as_the_command_would_be(
    mig: MigHere, scene: Scene, api: httpx.Client, payload_id: UUID
) -> None:
    refused = api.post(f"/payloads/{payload_id}/send?dryRun=true", json={"destinations": ["nowhere"]})
    assert (refused.status_code, "registered are pacs" in refused.json()["detail"]) == (409, True)
    assert mig("payload", "send", str(payload_id), "--to", "nowhere", "--dry-run").exit_code == 1
    page = api.get(f"/ui/payloads/{payload_id}/send", params={"destination": "nowhere"}).text
    assert "no destination of such a name: registered are pacs" in page
    assert api.get(f"/ui/payloads/{uuid4()}/send", params={"destination": "pacs"}).status_code == 404
    several = mig("payload", "send", str(payload_id), str(payload_id), "--to", "pacs", "--dry-run")
    assert (several.exit_code, "one payload at a time" in several.errors) == (2, True)


def test_a_destination_that_was_registered_since_the_start_is_known(
    mig: MigHere, scene: Scene, api: httpx.Client
) -> None:
    """The run would know it: it reads the settings when it begins."""
    settings = mig.directory / "gateway.toml"
    settings.write_text(settings.read_text().replace('name = "pacs"', 'name = "later"'))
    asked = request_body(scene.put_some(1), ["later"])
    foreseen = api.post("/exports?dryRun=true", content=asked, headers=JSON).json()
    assert (foreseen["is_all_sent"], foreseen["destinations"][0]["kind"]) == (True, "dimse")
    settings.write_text("[[[")
    assert api.post("/exports?dryRun=true", content=request_body(["a"], ["later"]), headers=JSON).status_code == 503


def test_an_object_store_that_can_not_be_asked_is_said_on_the_page(
    mig: MigHere, api: httpx.Client, payload_id: UUID
) -> None:
    bucket = mig.directory / "objects" / "monaideploy"
    bucket.rename(bucket.with_name("gone"))
    bucket.symlink_to(bucket)
    page = api.get(f"/ui/payloads/{payload_id}/send", params={"destination": "pacs"}).text
    assert "would go to" not in page
    assert '<p class="down" role="status">' in page
