"""The flow `retrieve`, each run in a process of its own, as a worker runs it; on one node or on two."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State, StateType

from gateway.acr.submission import read_submission
from gateway.inference.identity import payload_id, request_id
from gateway.inference.row import RequestRow, RequestState
from gateway.inference.store import opened_request_store
from gateway.object_store.local import LocalObjectStore
from gateway.payloads.announcements import Announcements
from tests.flows.running import Begun, Runs
from tests.gateway.acr.requests import Json, as_body, inference_request, source
from tests.gateway.dicomweb.faulty_archive import (
    FaultyArchive,
    faulty_archive,
    hanging,
    refusing,
    study,
)
from tests.gateway.events.conftest import prefect_events
from tests.gateway.retrieval.scene import study_of
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer
from tests.peers.run_logs import run_log
from tests.waiting import wait_until

pytestmark = pytest.mark.peers


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a site whose nodes share database, object store and Prefect."""

    site: Path
    name: str
    prefect: PrefectServer
    runs: Runs
    request: UUID

    def start(self, **environment: str) -> Begun:
        """Begin a run of the request."""
        return self.runs.begin("flows.retrieve.retrieve_request", self.request, self._settings() | environment)

    def retrieve(self, **environment: str) -> State[Any]:
        """Run it to its end; return the state of the run."""
        return self.ended(self.start(**environment))

    def ended(self, run: Begun) -> State[Any]:
        run_id = run.ended()
        with SyncPrefectClient(self.prefect.api_url) as client:
            state = client.read_flow_run(run_id).state
        assert state
        return state

    @property
    def area(self) -> Path:
        return self.site / self.name / "retrieval" / "areas" / str(self.request)

    def _settings(self) -> dict[str, str]:
        store = {"kind": "local", "path": str(self.site / "objects")}
        return {
            "MIG_DATA_DIR": str(self.site / self.name),
            "MIG_DATABASE__URL": f"sqlite:///{self.site}/gateway.db",
            "MIG_OBJECT_STORE": json.dumps(store),
            "MIG_PREFECT__API_URL": self.prefect.api_url,
        }


@dataclass(frozen=True, slots=True)
class Site:
    """What all nodes share."""

    directory: Path
    prefect: PrefectServer
    runs: Runs
    transaction_id: str

    @property
    def request(self) -> UUID:
        return request_id(self.transaction_id)

    def node(self, name: str = "node-1") -> Node:
        return Node(self.directory, name, self.prefect, self.runs, self.request)

    def accept(self, request: Json) -> None:
        with opened_request_store(f"sqlite:///{self.directory}/gateway.db") as store:
            submission = read_submission(
                as_body(request | {"transactionID": self.transaction_id}), allow_credentials_over_http=True
            )
            store.accept(submission, None, datetime.now(UTC))

    def row(self) -> RequestRow:
        with opened_request_store(f"sqlite:///{self.directory}/gateway.db") as store:
            row = store.find(self.request)
        assert row
        return row

    def events(self) -> list[Json]:
        """What was announced of the request, each event once."""
        payload = str(payload_id(self.request))
        told = [event["payload"] for event in prefect_events(self.prefect.api_url)]
        return [content for content in told if content["payload_id"] == payload]

    def log(self, state: State[Any]) -> list[str]:
        """What the run of this state has said."""
        assert state.state_details.flow_run_id
        with SyncPrefectClient(self.prefect.api_url) as client:
            return run_log(client, state.state_details.flow_run_id)

    def stored(self) -> set[str]:
        store = LocalObjectStore(self.directory / "objects", "monaideploy")
        return {stored.key.partition("/")[2] for stored in store.list("")}


@pytest.fixture
def site(tmp_path: Path, prefect: PrefectServer, runs: Runs) -> Site:
    return Site(tmp_path, prefect, runs, str(uuid4()))


@pytest.fixture
def archive() -> Iterator[FaultyArchive]:
    """A study of two series with three instances each."""
    with faulty_archive() as archive:
        yield archive


def objects_of(archive: FaultyArchive) -> set[str]:
    """What the archive's instances are in the store."""
    paths = {f"dcm/{held.study}/{held.series}/{held.sop}.dcm" for held in archive.held}
    return paths | {f"{path}.json" for path in paths}


def test_a_request_is_fetched_stored_announced_and_cleared_away(site: Site, archive: FaultyArchive) -> None:
    site.accept(study_of(archive.url))
    assert site.node().retrieve().type is StateType.COMPLETED
    row = site.row()
    assert (row.state, row.fetched, row.tries, row.message) == (RequestState.COMPLETED, 6, 1, "")
    assert site.stored() == objects_of(archive)
    assert not site.node().area.exists()
    again = site.node().retrieve()
    told = f"announced before at {row.ended:%Y-%m-%d %H:%M:%S} UTC; to have it announced again: mig payload announce "
    assert (again.type, again.message) == (StateType.COMPLETED, f"{told}{row.payload_id}")
    with opened_request_store(f"sqlite:///{site.directory}/gateway.db") as store:
        assert Announcements(store.engine).is_kept(row.payload_id)


def test_the_run_says_in_its_log_what_it_found_and_fetched(site: Site, archive: FaultyArchive) -> None:
    site.accept(study_of(archive.url))
    state = site.node().retrieve()
    log = site.log(state)
    assert f"found 6 instances at {archive.url.removesuffix('/dicom-web')}" in log
    assert any(line.startswith("fetched 6 of 6 that were found, ") for line in log)
    assert any(line.startswith("announced as md.workflow.request, message ") for line in log)


def test_what_is_stored_is_as_the_archive_has_it(site: Site, archive: FaultyArchive) -> None:
    site.accept(study_of(archive.url))
    site.node().retrieve()
    below = site.directory / "objects" / "monaideploy" / str(payload_id(site.request))
    for held in archive.held:
        assert (below / f"dcm/{held.study}/{held.series}/{held.sop}.dcm").read_bytes() == held.file


def test_a_source_that_is_away_is_waited_for_and_said_so(site: Site) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    site.accept(study_of(url))
    state = site.node().retrieve()
    assert state.name == "AwaitingRetry"
    assert (state.message or "").startswith("Waits for a source: inputResources[1]: ")
    assert "connection refused" in (state.message or "")
    row = site.row()
    assert (row.state, row.message) == (RequestState.WAITING, state.message)
    assert row.next_try == state.state_details.scheduled_time
    assert row.waiting_since


def test_it_is_given_up_when_nothing_has_come_for_so_long(site: Site) -> None:
    site.accept(study_of(f"http://127.0.0.1:{free_port()}"))
    assert site.node().retrieve().name == "AwaitingRetry"
    state = site.node().retrieve(MIG_INFERENCE__RETRY_FOR_SECONDS="1")
    assert state.type is StateType.FAILED
    row = site.row()
    assert row.state is RequestState.FAILED
    assert row.message.startswith("given up after 1 s without anything new: inputResources[1]: ")


def test_a_source_that_wants_to_be_left_alone_is(site: Site, archive: FaultyArchive) -> None:
    archive.gives = [refusing(503, Retry_After="500")] * 9
    site.accept(study_of(archive.url))
    state = site.node().retrieve()
    due = state.state_details.scheduled_time
    assert due
    assert due > datetime.now(UTC) + timedelta(seconds=400)
    assert (state.message or "").startswith("Waits: ")
    assert len(archive.wado) == 1


def test_a_study_that_is_not_there_fails_the_request_and_names_it(site: Site, archive: FaultyArchive) -> None:
    site.accept(study_of(archive.url, "1.2.9"))
    state = site.node().retrieve()
    assert state.type is StateType.FAILED
    row = site.row()
    assert row.state is RequestState.FAILED
    assert row.message.startswith("inputResources[1]: ")
    assert row.message.endswith("has no study 1.2.9")
    assert row.message in (state.message or "")
    assert site.stored() == set()


def test_a_retry_goes_on_with_what_is_here(site: Site, archive: FaultyArchive) -> None:
    two = {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": "1.2.1"}, {"StudyInstanceUID": "1.2.2"}]}
    site.accept(inference_request(two, sources=[source(archive.url)]))
    assert site.node().retrieve().type is StateType.FAILED
    assert site.row().fetched == 6
    archive.held += study("1.2.2")
    archive.wado.clear()
    assert site.node().retrieve().type is StateType.COMPLETED
    assert archive.wado == ["studies/1.2.2"]
    assert site.stored() == objects_of(archive)


def test_fewer_instances_than_were_promised_are_not_enough(site: Site, archive: FaultyArchive) -> None:
    archive.promised = 9
    site.accept(study_of(archive.url))
    state = site.node().retrieve()
    assert state.name == "AwaitingRetry"
    assert "6 of 9 instances of study 1.2.1" in (state.message or "")


def test_a_partial_payload_is_announced_as_one_where_it_is_allowed(site: Site, archive: FaultyArchive) -> None:
    two = {"type": "DICOM_UID", "studies": [{"StudyInstanceUID": "1.2.1"}, {"StudyInstanceUID": "1.2.9"}]}
    site.accept(inference_request(two, sources=[source(archive.url)]))
    state = site.node().retrieve(MIG_INFERENCE__ALLOW_PARTIAL="true")
    assert state.type is StateType.COMPLETED
    row = site.row()
    assert (row.state, row.partial) == (RequestState.COMPLETED, True)
    assert row.outcome
    assert "has no study 1.2.9" in row.outcome.sources[0].error
    assert any(line.startswith("partial: inputResources[1]: ") for line in site.log(state))
    assert site.stored() == objects_of(archive)


def test_another_node_starts_afresh(site: Site, archive: FaultyArchive) -> None:
    archive.gives = [hanging(0.5), *[refusing(503)] * 99]
    site.accept(study_of(archive.url))
    assert site.node("node-1").retrieve(MIG_INFERENCE__ANSWER_SECONDS="1").name == "AwaitingRetry"
    here = site.row().fetched
    assert 0 < here < 6
    archive.gives.clear()
    archive.wado.clear()
    assert site.node("node-2").retrieve().type is StateType.COMPLETED
    assert archive.wado == ["studies/1.2.1"]
    assert site.stored() == objects_of(archive)


def test_what_is_stored_is_only_announced_on_whatever_node(site: Site, archive: FaultyArchive) -> None:
    site.accept(study_of(archive.url))
    events = {"kind": "rabbitmq", "host": "127.0.0.1", "port": free_port()}
    waiting = site.node("node-1").retrieve(MIG_EVENTS=json.dumps(events))
    assert (waiting.message or "").startswith("Waits for the event broker: ")
    assert site.row().uploaded
    archive.held.clear()
    archive.wado.clear()
    archive.qido.clear()
    assert site.node("node-2").retrieve().type is StateType.COMPLETED
    assert archive.wado == archive.qido == []
    assert site.row().state is RequestState.COMPLETED


def test_of_two_workers_that_believe_they_have_it_one_stores_and_announces(site: Site, archive: FaultyArchive) -> None:
    second_is_through = threading.Event()
    archive.gives = [hanging(0.5, until=second_is_through)]
    site.accept(study_of(archive.url))
    first = site.node("node-1").start()
    wait_until(lambda: archive.wado, 60, "the first to fetch")
    assert site.node("node-2").retrieve().type is StateType.COMPLETED
    second_is_through.set()
    overtaken = site.node("node-1").ended(first)
    assert overtaken.type is StateType.COMPLETED
    assert "another run has taken request" in (overtaken.message or "")
    assert site.stored() == objects_of(archive)
    assert (site.row().state, site.row().fencing_token) == (RequestState.COMPLETED, 2)
    assert [event["file_count"] for event in site.events()] == [6]


def test_nothing_of_a_patient_reaches_prefect(site: Site, archive: FaultyArchive) -> None:
    archive.held = study(patient="SECRET-PATIENT")
    named = {"type": "DICOM_PATIENT_ID", "PatientID": "SECRET-PATIENT"}
    unknown = {"type": "DICOM_PATIENT_ID", "PatientID": "SECRET-STRANGER"}
    site.accept(inference_request(named, unknown, sources=[source(archive.url)]))
    assert site.node().retrieve().type is StateType.FAILED
    assert site.row().fetched == 6
    with SyncPrefectClient(site.prefect.api_url) as client:
        told = [each.model_dump_json() for each in (*client.read_flow_runs(), *client.read_task_runs())]
        told += [each.model_dump_json() for each in (*client.read_logs(), *client.read_artifacts())]
    assert "has no study of the patient in inputMetadata.inputs[1]" in json.dumps(told)
    assert "SECRET" not in json.dumps(told)


def test_a_run_that_a_newer_program_has_to_go_on_with_waits_for_it_and_fails_nothing(
    site: Site, archive: FaultyArchive
) -> None:
    site.accept(study_of(archive.url))
    with closing(sqlite3.connect(site.directory / "gateway.db")) as database:
        database.execute("UPDATE gateway_schema SET version_num = '9001'")
        database.commit()
    state = site.node().retrieve()
    assert state.name == "AwaitingRetry"
    assert (state.message or "").startswith("Waits: the database has schema 9001, made by a newer gateway")
