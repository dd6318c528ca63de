"""`mig payload`: the truth, from index, spool and Prefect."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Crashed, Failed, Running

from gateway.associations.record import Outcome
from gateway.associations.store import AssociationStore
from gateway.errors import Dependency
from gateway.inference.store import opened_request_store
from gateway.payloads.announcements import encode_message
from gateway.payloads.index import opened_payload_index
from gateway.payloads.workflow_request import workflow_request
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import read_node
from gateway.work.waiting import Wait, sentence
from tests.deployments.commands.mig import ZONE, Finished, Mig, MigHere, used_site
from tests.deployments.dispatching import dispatching_on
from tests.deployments.operator import Operator
from tests.deployments.payloads import made_payload, put_into_ready
from tests.deployments.prefect_side.test_registration import TRIVIAL, register_on
from tests.gateway.associations.records import stored
from tests.gateway.events.payloads import payload as fetched_payload
from tests.gateway.events.payloads import resource
from tests.gateway.inference.store_scene import Requests
from tests.gateway.receiving.scene import Scene as Spool
from tests.peers.prefect_server import PrefectServer

LATER = datetime.now(UTC) + timedelta(hours=1)


class Scene:
    """A spool and an index without processes: what is listed stands still."""

    def __init__(self, directory: Path, prefect: PrefectServer, operator: Operator, work_pool: str) -> None:
        self.prefect, self.operator = prefect, operator
        self.mig = MigHere(directory, {"MIG_PREFECT__API_URL": prefect.api_url})
        self.area: SpoolArea = scp_area(directory / "var" / "spool")
        self.database = f"sqlite:///{used_site(directory)}/gateway.db"
        self.node = read_node(directory / "var" / "spool")
        self.directory, self.work_pool = directory, work_pool

    def operate(self, *arguments: str) -> Finished:
        """Run `mig payload …` while a dispatcher is at work."""
        with (
            dispatching_on(self.directory / "var", self.prefect.api_url, self.work_pool) as dispatching,
            dispatching.at_work(),
        ):
            return Mig(self.mig.directory, self.mig.environment)("payload", *arguments)

    def put(self, state: State[Any] | None = None, closed: datetime | None = None) -> UUID:
        """A payload in `ready/`; with a state, it has a run that is in it."""
        payload = made_payload(self.node.node_id, instances=3)
        payload = payload.model_copy(update={"closed": closed or payload.closed})
        put_into_ready(self.area, payload)
        with opened_payload_index(self.database) as index:
            index.record(payload)
            if state:
                index.work.note_run(payload.payload_id, 1, self._run_in(state))
        return payload.payload_id

    def announce(self, payload_id: UUID) -> None:
        self.area.finish(payload_id)

    def run_of(self, payload_id: UUID) -> UUID:
        with opened_payload_index(self.database) as index:
            row = index.row(payload_id)
        assert row
        assert row.flow_run_id
        return row.flow_run_id

    def listed(self, *options: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.mig("payload", "list", "--json", *options).rows
        return rows

    def _run_in(self, state: State[Any]) -> UUID:
        run_id = self.operator.trigger("example-trivial/trivial", work_queue_name=self.node.work_queue)
        self.operator.client.set_flow_run_state(run_id, state, force=True)
        return run_id


@pytest.fixture
def scene(tmp_path: Path, prefect_on_sqlite: PrefectServer, work_pool: str) -> Iterator[Scene]:
    register_on(prefect_on_sqlite, work_pool, TRIVIAL)
    with SyncPrefectClient(prefect_on_sqlite.api_url) as client:
        yield Scene(tmp_path, prefect_on_sqlite, Operator(client), work_pool)


def waits() -> State[Any]:
    message = sentence([Wait(Dependency.EVENTS, "nobody answers")], LATER)
    return AwaitingRetry(message=message, scheduled_time=LATER)


def test_the_newest_payload_comes_first_page_by_page(scene: Scene) -> None:
    hours = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(5)]
    newest = [str(scene.put(closed=closed)) for closed in hours][::-1]
    assert [row["id"] for row in scene.listed()] == newest
    assert [row["id"] for row in scene.listed("--limit", "2")] == newest[:2]
    assert [row["id"] for row in scene.listed("--limit", "2", "--after", newest[3][:13])] == newest[4:]


def test_below_a_list_stands_how_many_there_are_and_how_to_see_more(scene: Scene) -> None:
    closed = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(3)]
    newest = [str(scene.put(closed=each)) for each in closed][::-1]
    assert scene.mig("payload", "list", "--limit", "2").errors == f"2 of 3; more: --after {newest[1][:8]}\n"
    assert scene.mig("payload", "list", "--limit", "2", "--after", newest[1][:8]).errors == "1 of 3\n"
    assert scene.mig("payload", "list").errors == "3\n"
    assert scene.mig("payload", "list", "--ae", "NOBODY").errors == "none\n"


def test_a_study_is_found_by_its_uid_wherever_its_payload_is(scene: Scene) -> None:
    announced, waiting = scene.put(Running()), scene.put(waits())
    scene.announce(announced)
    unseen = put_into_ready(scene.area, made_payload(scene.node.node_id))
    assert {row["id"] for row in scene.listed("--study", "1.2.3")} == set(map(str, (announced, waiting, unseen)))
    assert scene.listed("--study", "1.2.4") == []
    (row,) = scene.listed("--study", "1.2.3", "--state", "waiting")
    study = {"study_instance_uid": "1.2.3", "series": 1, "instances": 3, "modalities": "CT"}
    assert (row["id"], row["studies"]) == (str(waiting), [study])
    assert "1.2.3" in scene.mig("payload", "show", str(waiting)).output
    assert "see to what it waits for" in row["next_step"]


def test_what_still_comes_in_is_listed_with_when_it_closes(scene: Scene) -> None:
    spool = Spool(scene.directory / "var" / "spool")
    sender = spool.associate("CT02")
    sender.send(study="1.3", sop="1.3.0")
    sender.send(study="1.3", sop="1.3.1")
    closed = scene.put(Running())
    first, second = scene.listed()
    assert (first["state"], first["calling_ae"], first["instances"]) == ("open", "CT02", 2)
    assert [study["study_instance_uid"] for study in first["studies"]] == ["1.3"]
    quiet = datetime.fromisoformat(first["closes"]) - datetime.fromisoformat(first["last_received"])
    assert (quiet.total_seconds(), first["closed"]) == (5, None)
    assert second["id"] == str(closed)
    for asked in (("--state", "open"), ("--study", "1.3"), ("--ae", "CT02")):
        assert [row["id"] for row in scene.listed(*asked)] == [first["id"]]
    assert [row["id"] for row in scene.listed("--since", "2026-01-01")] == [str(closed)]
    shown = scene.mig("payload", "show", first["id"][:8], "--json").rows
    assert first.items() <= shown.items(), "all that a list shows, and more"
    page = scene.mig("payload", "list", "--limit", "1")
    assert f"closes {datetime.fromisoformat(first['closes']).astimezone():%H:%M:%S}, unless more comes" in page.output
    assert page.errors == f"1 of 2; more: --after {first['id'][:8]}\n"
    assert [row["id"] for row in scene.listed("--after", first["id"][:8])] == [str(closed)]


def test_what_still_comes_in_is_closed_by_its_first_digits(scene: Scene) -> None:
    spool = Spool(scene.directory / "var" / "spool")
    spool.associate("CT02").send()
    (row,) = scene.listed()
    assert f"or at once by `mig payload close {row['id'][:8]}`" in row["next_step"]
    told = f"payload {row['id']}: the receiver closes it, as soon as what is on its way is there\n"
    assert scene.operate("close", row["id"][:8]).output == told
    (closed,) = spool.pass_time(0)
    assert str(closed.payload_id) == row["id"]


def test_a_payload_says_that_its_sender_broke_off(scene: Scene) -> None:
    whole, half = scene.put(), scene.put()
    records = [
        stored(outcome=Outcome.RELEASED, payload_ids=(whole, half)),
        stored(outcome=Outcome.ABORTED_BY_PEER, payload_ids=(half,)),
    ]
    with opened_payload_index(scene.database) as index:
        AssociationStore(index.work.engine).take_in(records, scene.node.node_id)
    rows = {row["id"]: row for row in scene.listed()}
    assert (rows[str(whole)]["broken_off"], rows[str(half)]["broken_off"]) == (None, "aborted-by-peer")
    assert "have the sender send it again" in rows[str(half)]["next_step"]
    assert "the sender broke off (aborted-by-peer)" in scene.mig("payload", "list").output


def test_what_a_request_became_is_a_payload_like_the_others(scene: Scene) -> None:
    received = scene.put()
    with opened_request_store(scene.database) as store:
        requests = Requests(store, now=datetime.now(UTC))
        request = requests.accept()
        fetched = fetched_payload().model_copy(update={"resources": (resource(), resource("b")), "partial": True})
        became = requests.announce(request, fetched.model_copy(update={"closed": datetime.now(UTC)}))
    rows = {row["id"]: row for row in scene.listed()}
    assert rows.keys() == {str(received), str(became.payload_id)}
    row = rows[str(became.payload_id)]
    assert (row["state"], row["closed_by"], row["request_id"]) == ("announced", "retrieved", str(request))
    assert (row["instances"], row["resources"], row["partial"]) == (1, 2, True)
    assert "submit another request" in row["next_step"]
    told = scene.mig("payload", "list").output
    assert "with 2 FHIR resources; some of what was asked for could not be had" in told
    assert rows[str(received)]["request_id"] is None
    refused = scene.mig("payload", "retry", row["id"])
    assert (refused.exit_code, refused.errors) == (1, f"payload {row['id']} is announced\n")


def test_payloads_are_found_by_time_in_the_zone_of_this_machine(scene: Scene) -> None:
    closed = datetime(2026, 3, 1, 10, tzinfo=UTC)
    there = scene.put(closed=closed)
    before, after = (f"{(closed + timedelta(hours=hours)).astimezone():%Y-%m-%dT%H:%M:%S}" for hours in (-1, 1))
    assert scene.listed("--since", after) == []
    assert [row["id"] for row in scene.listed("--since", before, "--until", after)] == [str(there)]
    assert scene.listed("--since", "1h") == []
    assert [row["id"] for row in scene.listed("--since", "99999d", "--until", "1h")] == [str(there)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (lambda: None, "ready"),
        (waits, "waiting"),
        (Running, "running"),
        (lambda: Failed(message="no bucket"), "failed"),
        (Crashed, "crashed"),
        (Cancelled, "cancelled"),
    ],
)
def test_a_payload_in_ready_is_in_the_state_of_its_run(
    scene: Scene, state: Callable[[], State[Any] | None], expected: str
) -> None:
    payload_id = scene.put(state())
    (row,) = scene.listed()
    assert (row["id"], row["state"]) == (str(payload_id), expected)
    assert scene.listed("--state", expected) == [row]
    assert scene.listed("--state", "announced") == []


def test_a_payload_that_has_left_ready_is_announced_whatever_the_index_says(scene: Scene) -> None:
    payload_id = scene.put(Running())
    scene.announce(payload_id)
    assert scene.listed()[0]["state"] == "announced"


def test_a_payload_that_the_dispatcher_has_not_seen_is_listed_too(scene: Scene) -> None:
    payload_id = put_into_ready(scene.area, made_payload(scene.node.node_id))
    assert [(row["id"], row["state"]) for row in scene.listed()] == [(str(payload_id), "ready")]


def test_a_table_for_people_has_one_line_for_each(scene: Scene) -> None:
    payload_id = scene.put(waits())
    head, line = scene.mig("payload", "list").output.splitlines()
    assert head.split()[:4] == ["ID", "STATE", "CALLED", "AE"]
    assert f"CLOSED ({ZONE})" in head
    assert line.split()[:6] == [str(payload_id), "waiting", "MIG", "CT01", "1.2.3", "3"]
    assert "Waits for the event broker: nobody answers" in line


def test_without_prefect_what_hangs_on_it_is_unknown_and_the_exit_code_is_3(scene: Scene) -> None:
    scene.put(Running())
    finished = MigHere(scene.mig.directory, {"MIG_PREFECT__API_URL": "http://127.0.0.1:9/api"})(
        "payload", "list", "--json"
    )
    assert finished.exit_code == 3
    assert finished.rows[0]["state"] == "unknown"
    assert "Prefect does not answer" in finished.errors


def test_a_database_that_is_away_is_exit_code_3(scene: Scene) -> None:
    away = {"MIG_DATABASE__URL": "postgresql+psycopg://gateway:s3cr3t@127.0.0.1:9/gateway"}
    finished = MigHere(scene.mig.directory, scene.mig.environment | away)("payload", "list")
    assert finished.exit_code == 3
    assert "the database does not answer" in finished.errors
    assert "s3cr3t" not in finished.errors


def test_show_tells_everything_of_one_by_the_beginning_of_its_id(scene: Scene) -> None:
    payload_id = scene.put(Failed(message="the store refuses the credentials"))
    shown = scene.mig("payload", "show", str(payload_id)[:8], "--json").rows
    assert (shown["id"], shown["state"], shown["attempt"]) == (str(payload_id), "failed", 1)
    assert shown["message"] == "the store refuses the credentials"
    assert str(scene.run_of(payload_id)) in scene.mig("payload", "show", str(payload_id)).output


def test_show_of_what_is_not_there_fails_in_words(scene: Scene) -> None:
    scene.put()
    scene.put()
    assert "no payload has an id that begins with ffffffffff" in scene.mig("payload", "show", "f" * 10).errors
    assert "more than one payload" in scene.mig("payload", "show", "").errors
    assert scene.mig("payload", "show", str(uuid4())).exit_code == 1


@pytest.mark.parametrize("state", [waits, Failed, Cancelled, Crashed])
def test_retry_starts_what_waits_has_failed_or_was_cancelled(scene: Scene, state: Callable[[], State[Any]]) -> None:
    payload_id = scene.put(state())
    retried = scene.operate("retry", str(payload_id))
    assert (retried.exit_code, retried.output) == (0, f"payload {payload_id}: its run starts now\n")
    due = scene.operator.state(scene.run_of(payload_id)).state_details.scheduled_time
    assert due
    assert due <= datetime.now(UTC)


def test_retry_of_what_goes_on_by_itself_says_so(scene: Scene) -> None:
    running, announced, new = scene.put(Running()), scene.put(Running()), scene.put()
    scene.announce(announced)
    for payload_id, why in (
        (running, "its run is Running"),
        (announced, f"payload {announced} is announced"),
        (new, "has no run yet"),
    ):
        retried = scene.operate("retry", str(payload_id))
        assert retried.exit_code == 1
        assert why in retried.errors


def test_retry_is_not_done_twice(scene: Scene) -> None:
    payload_id = scene.put(Failed())
    assert scene.operate("retry", str(payload_id)).exit_code == 0
    assert "its run is about to start" in scene.operate("retry", str(payload_id)).errors


def test_all_that_have_failed_are_retried_together_after_a_question(scene: Scene) -> None:
    failed = [scene.put(Failed()) for _ in range(3)]
    running = scene.put(Running())
    retried = scene.operate("retry", "--state", "failed", "--yes")
    assert (retried.exit_code, retried.output) == (0, "3 payloads: its run starts now\n")
    assert scene.listed("--state", "failed") == []
    assert scene.operate("retry", "--state", "failed").output == "no payload is meant: nothing is done\n"
    again = scene.operate("retry", str(failed[0]), str(running))
    assert (again.exit_code, again.output) == (1, "")
    assert sorted(again.errors.splitlines()) == [
        "1 payload: its run is Running: it goes on by itself",
        "1 payload: its run is about to start: it goes on by itself",
    ]


def test_many_are_not_retried_without_a_yes(scene: Scene) -> None:
    payload_id = scene.put(Failed())
    asked = scene.operate("retry", "--state", "failed")
    assert "retry 1 payload?" in asked.output
    assert scene.listed("--state", "failed")[0]["id"] == str(payload_id)


@pytest.mark.parametrize("arguments", [(), ("1f", "--state", "failed"), ("--state", "bogus")])
def test_what_is_to_be_retried_is_said_in_one_way(scene: Scene, arguments: tuple[str, ...]) -> None:
    assert scene.mig("payload", "retry", *arguments).exit_code == 2


def test_what_the_dispatcher_has_not_done_yet_is_noted_and_said_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.commands.operator._SHOWN_WITHIN_SECONDS", 0.2)
    payload_id = scene.put(Failed())
    retried = scene.mig("payload", "retry", str(payload_id))
    told = f"payload {payload_id}: retry is noted, and is done as soon as the dispatcher and Prefect answer\n"
    assert (retried.exit_code, retried.output) == (0, told)


def test_an_announced_payload_is_announced_again_and_says_how_often(scene: Scene) -> None:
    announced, running = scene.put(Running()), scene.put(Running())
    message = workflow_request(scene.area.read(announced), "monaideploy")
    scene.area.keep_announcement(announced, encode_message(message))
    scene.announce(announced)
    again = scene.operate("announce", str(announced)[:8])
    assert (again.exit_code, again.output) == (0, f"payload {announced}: its announcement goes out again\n")
    both = scene.operate("announce", str(announced), str(running))
    assert sorted(both.errors.splitlines()) == [
        "1 payload: it is about to be announced again: that waits for the event broker",
        "1 payload: it is not announced yet: its run does it",
    ]
    shown = scene.mig("payload", "show", str(announced), "--json").rows
    assert shown["announced_again"] == 1
    assert datetime.fromisoformat(shown["last_announced_again"]) <= datetime.now(UTC)


def test_what_is_to_be_sent_is_sent_to_registered_destinations_and_many_are_asked_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = '[[destinations]]\nname = "pacs"\nkind = "dimse"\nae_title = "PACS"\nhost = "127.0.0.1"\n'
    (scene.directory / "gateway.toml").write_text(f'data_dir = "{scene.directory}/var"\n{destination}')
    monkeypatch.setenv("MIG_CONFIG", f"{scene.directory}/gateway.toml")  # for the dispatcher
    announced = [scene.put(Running()) for _ in range(2)]
    for payload_id in announced:
        scene.announce(payload_id)
    assert scene.mig("payload", "send", str(announced[0])).exit_code == 2, "nobody says where to"
    refused = scene.mig("payload", "send", str(announced[0]), "--to", "nowhere")
    assert (refused.exit_code, "registered are pacs" in refused.errors) == (1, True)
    asked = scene.operate("send", *map(str, announced), "--to", "pacs")
    assert "send 2 payloads to pacs?" in asked.output  # and nobody answers
    sent = scene.operate("send", str(announced[0]), "--to", "pacs")
    assert sent.errors == f"payload {announced[0]}: the object store has no DICOM object of it\n"


def test_a_cancelled_payload_stays_on_the_spool_and_can_be_retried(scene: Scene) -> None:
    payload_id = scene.put(waits())
    assert scene.operate("cancel", str(payload_id)).output == f"payload {payload_id}: it is ended\n"
    assert scene.listed("--state", "cancelled")[0]["id"] == str(payload_id)
    assert scene.area.state(payload_id) == "ready"
    assert scene.operate("retry", str(payload_id)).exit_code == 0
