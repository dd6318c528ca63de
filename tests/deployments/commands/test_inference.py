"""`mig inference`: submitted, looked at, tried again, given up."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Failed, Running

from gateway.inference.identity import request_id
from gateway.inference.lease import take
from gateway.inference.row import RequestRow, RequestState
from gateway.inference.store import opened_request_store
from tests.deployments.commands.mig import Finished, Mig, MigHere, used_site
from tests.deployments.dispatching import dispatching_on
from tests.deployments.operator import Operator
from tests.deployments.prefect_side.test_registration import TRIVIAL, register_on
from tests.gateway.acr.requests import Json, inference_request, source
from tests.peers.prefect_server import PrefectServer

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
SECRET = "c2VjcmV0OnNlY3JldA=="
REQUEST = str(request_id("T-1"))


class Scene:
    """Requests without processes: what is listed stands still."""

    def __init__(self, directory: Path, api_url: str = "") -> None:
        self.directory = directory
        self.mig = MigHere(directory, {"MIG_PREFECT__API_URL": api_url} if api_url else {})
        self.database = f"sqlite:///{used_site(directory)}/gateway.db"

    def submit(self, request: Json | None = None) -> Finished:
        (self.directory / "request.json").write_text(json.dumps(request or inference_request()))
        return self.mig("inference", "submit", "request.json")

    def row(self) -> RequestRow:
        with opened_request_store(self.database) as store:
            row = store.find_by_transaction("T-1")
        assert row
        return row

    def note_run(self, run_id: UUID) -> None:
        with opened_request_store(self.database) as store:
            store.work.note_run(request_id("T-1"), 1, run_id)

    def fail(self, run_id: UUID) -> None:
        with opened_request_store(self.database) as store:
            hold = take(store, request_id("T-1"), run_id, NOW)
            assert hold
            hold.fail("no such study", NOW)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_submitted_request_is_taken_as_a_posted_one(scene: Scene) -> None:
    submitted = scene.submit()
    assert (submitted.exit_code, submitted.output) == (0, f"{REQUEST}\n")
    assert scene.row().state is RequestState.QUEUED
    again = scene.submit()
    assert (again.exit_code, again.errors) == (1, "a request with this transactionID is known\n")


def test_one_that_breaks_rules_is_refused_in_words(scene: Scene) -> None:
    refused = scene.submit(inference_request(transaction_id="") | {"inputMetadata": None})
    assert refused.exit_code == 1
    assert "transactionID: missing" in refused.errors
    assert "inputMetadata: missing" in refused.errors
    assert "Traceback" not in refused.errors


def test_a_file_that_is_not_there_is_wrong_usage(scene: Scene) -> None:
    assert scene.mig("inference", "submit", "nothing.json").exit_code == 2


def test_requests_are_listed_and_shown(scene: Scene) -> None:
    archive = source("https://archive.hospital", auth_type="Basic", auth_id=SECRET)
    scene.submit(inference_request(sources=[archive], transaction_id="Doe^Jane") | {"priority": 255})
    (listed,) = scene.mig("inference", "list", "--json").rows
    request = str(request_id("Doe^Jane"))
    assert (listed["id"], listed["state"], listed["priority_class"]) == (request, "queued", "immediate")
    shown = scene.mig("inference", "show", request[:8], "--json")
    assert shown.rows == listed
    assert SECRET not in shown.output
    assert "Doe" not in scene.mig("inference", "list").output
    assert scene.mig("inference", "list", "--state", "failed", "--json").rows == []


def test_those_of_the_last_hours_are_retried(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.commands.operator._SHOWN_WITHIN_SECONDS", 0.0)
    scene.submit()
    scene.note_run(uuid4())
    scene.fail(uuid4())
    retry = ("inference", "retry", "--state", "failed", "--yes", "--since")
    assert scene.mig(*retry, "2126-01-01T00:00:00+00:00").output == "no request is meant: nothing is done\n"
    assert scene.mig(*retry, "1h").output.startswith("1 request: retry is noted")


def test_what_can_not_be_looked_for_is_told(scene: Scene) -> None:
    assert scene.mig("inference", "list", "--state", "odd").exit_code == 2
    assert scene.mig("inference", "show", "0").exit_code == 1


def test_what_is_asked_without_a_dispatcher_is_noted_and_said_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.commands.operator._SHOWN_WITHIN_SECONDS", 0.2)
    scene.submit()
    scene.note_run(UUID(int=1))
    cancelled = scene.mig("inference", "cancel", REQUEST)
    told = f"request {REQUEST}: cancel is noted, and is done as soon as the dispatcher and Prefect answer\n"
    assert (cancelled.exit_code, cancelled.output) == (0, told)
    assert scene.row().state is RequestState.QUEUED


class Site(Scene):
    """The same, with runs in Prefect and a dispatcher at work."""

    def __init__(self, directory: Path, prefect: PrefectServer, operator: Operator, work_pool: str) -> None:
        super().__init__(directory, prefect.api_url)
        self.operator, self.api_url, self.work_pool = operator, prefect.api_url, work_pool

    def operate(self, *arguments: str) -> Finished:
        """Run `mig inference …` while a dispatcher is at work."""
        with dispatching_on(self.directory / "var", self.api_url, self.work_pool) as dispatching, dispatching.at_work():
            return Mig(self.directory, self.mig.environment)("inference", *arguments)

    def run_in(self, state: State[Any]) -> UUID:
        """The request's run, which is in this state."""
        run_id = self.operator.trigger("example-trivial/trivial")
        self.operator.client.set_flow_run_state(run_id, state, force=True)
        self.note_run(run_id)
        return run_id


@pytest.fixture
def site(tmp_path: Path, prefect: PrefectServer, operator: Operator, work_pool: str) -> Site:
    register_on(prefect, work_pool, TRIVIAL)
    site = Site(tmp_path, prefect, operator, work_pool)
    site.submit()
    return site


def test_a_failed_request_is_tried_again(site: Site) -> None:
    run_id = site.run_in(Failed())
    site.fail(run_id)
    assert site.operate("retry", REQUEST[:8]).exit_code == 0
    assert site.operator.state(run_id).name == "AwaitingRetry"


def test_a_waiting_request_is_tried_now(site: Site) -> None:
    run_id = site.run_in(AwaitingRetry(scheduled_time=LATER))
    assert site.operate("retry", REQUEST).exit_code == 0
    due = site.operator.state(run_id).state_details.scheduled_time
    assert due
    assert due < LATER


def test_one_whose_run_was_deleted_gets_another(site: Site) -> None:
    site.fail(UUID(int=1))
    assert site.operate("retry", REQUEST).exit_code == 0
    row = site.row()
    assert (row.state, row.flow_run_id, row.attempt) == (RequestState.QUEUED, None, 2)


def test_one_that_goes_on_by_itself_is_left_alone(site: Site) -> None:
    assert "has no run yet" in site.operate("retry", REQUEST).errors
    site.run_in(Running())
    assert "its run is Running" in site.operate("retry", REQUEST).errors


def test_a_cancelled_request_ends_with_its_run(site: Site) -> None:
    run_id = site.run_in(AwaitingRetry(scheduled_time=LATER))
    assert site.operate("cancel", REQUEST).exit_code == 0
    assert site.operator.state(run_id).name in {"Cancelled", "Cancelling"}
    assert site.row().state is RequestState.CANCELLED


def test_a_cancelled_request_can_be_tried_again(site: Site) -> None:
    run_id = site.run_in(Cancelled())
    assert site.operate("cancel", REQUEST).exit_code == 0
    assert site.operate("retry", REQUEST).exit_code == 0
    assert site.operator.state(run_id).name == "AwaitingRetry"
