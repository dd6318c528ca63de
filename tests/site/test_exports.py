"""Exports on the embedded default, as an operator has them: `mig up`, the dashboard's calls, the command line."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import StateType

from gateway.exports.states import ExportState, SendState
from tests.gateway.dimse.raw_pacs import Association, Manners, RawPacs, raw_pacs
from tests.gateway.exports.scene import pacs_destination
from tests.peers.ports import free_port
from tests.peers.run_logs import run_log
from tests.site.exporting import ExportSite, running_export_site
from tests.waiting import wait_until

SENT = ["1.2.3.1", "1.2.3.2", "1.2.3.3"]

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExportSite]:
    with running_export_site(tmp_path_factory.mktemp("exports")) as site:
        yield site


@pytest.fixture
def task() -> str:
    """A task that only this test asks for."""
    return f"task-{uuid4().hex[:8]}"


@pytest.fixture
def pacs() -> Iterator[RawPacs]:
    with raw_pacs() as pacs:
        yield pacs


def answer_when(event_path: Path) -> Manners:
    """Answers the first file at once, and the others when the file at this path is there."""

    def answer(association: Association, number: int) -> None:
        if number > 1:
            wait_until(event_path.exists, 60, "the archive to be allowed to go on")
        association.answer(0)

    return Manners(answer=answer)


def test_an_export_is_one_run_with_a_task_for_each_destination_and_a_table(
    site: ExportSite, pacs: RawPacs, task: str
) -> None:
    site.register(pacs_destination(pacs, "pacs"), pacs_destination(pacs, "second"))
    export_id = site.ask(site.put_some(3), "pacs", "second", task=task)
    site.wait_for(export_id, ExportState.SUCCEEDED)
    run = site.run_of(export_id)
    site.operator.wait_for(run.id, "Completed", within_seconds=60)
    assert run.name == f"export → pacs, second, 3 files, {str(export_id)[:8]}"

    def tasks() -> set[str]:
        return {each.name for each in site.operator.client.read_task_runs() if each.flow_run_id == run.id}

    expected = {"fetch", "send to pacs", "send to second", "report"}
    wait_until(lambda: tasks() == expected, 60, "Prefect to have recorded every task")
    assert sorted(pacs.names) == sorted(SENT * 2)
    (told,) = site.told(export_id)
    assert (told["status"], told["workflow_instance_id"]) == ("Success", "8a3b")
    (artifact,) = [each for each in site.operator.client.read_artifacts() if each.key == f"export-{export_id}"]
    assert "| pacs | 3 | 3 | 0 | 0 | 3 |" in str(artifact.data)
    said = ["fetched 3 of 3 files from the object store"]
    said += ["3 of 3 files stored at pacs", "3 of 3 files stored at second"]
    wait_until(lambda: len(run_log(site.operator.client, run.id)) == 4, 60, "the log of the run to arrive")
    assert run_log(site.operator.client, run.id)[1:] == said


def test_what_waits_for_a_destination_holds_no_slot_and_goes_on_in_order_when_it_answers(
    site: ExportSite, pacs: RawPacs, task: str
) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(there.model_copy(update={"port": free_port()}))
    waiting = [site.ask(site.put_some(n), there.name, task=f"{task}-{n}") for n in (1, 2, 3)]
    for export_id in waiting:
        site.wait_for(export_id, ExportState.WAITING)
        state = site.operator.wait_for(site.run_of(export_id).id, "AwaitingRetry", within_seconds=30)
        assert f"Waits for destination {there.name}: " in (state.message or "")
        assert "connection refused" in (state.message or "")
        assert re.search(r"Tries again (at .* UTC|by .* UTC, or when it answers)\.$", state.message or "")
    (shown,) = [row for row in site.mig("destination", "list", "--json").rows if row["name"] == there.name]
    assert shown["state"] == "away"
    site.register(there)
    for export_id in waiting:
        site.wait_for(export_id, ExportState.SUCCEEDED)
    assert sorted(pacs.names) == sorted(["1.2.3.1", *SENT[:2], *SENT])
    settled = [site.row(export_id).settled for export_id in waiting]
    assert None not in settled


def test_an_export_that_failed_is_retried_in_the_dashboard_and_told_again(
    site: ExportSite, pacs: RawPacs, task: str
) -> None:
    there = pacs_destination(pacs, f"pacs-{task}", retry_for_seconds=2)
    site.register(there.model_copy(update={"port": free_port()}))
    export_id = site.ask(site.put_some(3), there.name, task=task)
    site.wait_for(export_id, ExportState.FAILED)
    run = site.run_of(export_id)
    state = site.operator.wait_for(run.id, "Failed", within_seconds=60)
    assert f"{there.name}: 3 of 3 files not stored: " in (state.message or "")
    failed = f"failed: {state.message}; put it right, then Retry"
    wait_until(lambda: failed in run_log(site.operator.client, run.id), 60, "the run to say what to do")
    site.register(there)
    site.operator.retry(run.id)
    site.wait_for(export_id, ExportState.SUCCEEDED)
    site.operator.wait_for(run.id, "Completed", within_seconds=60)
    assert pacs.names == SENT
    assert [told["status"] for told in site.told(export_id, 2)] == ["Failure", "Success"]


def test_mig_export_retry_starts_a_waiting_export_at_once(site: ExportSite, pacs: RawPacs, task: str) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(there.model_copy(update={"port": free_port()}))
    export_id = site.ask(site.put_some(3), there.name, task=task)
    site.wait_for(export_id, ExportState.WAITING)
    assert site.mig("export", "retry", str(export_id)[:13]).exit_code == 0
    site.register(there)  # only now: else it would be found, and the export go on by itself
    site.wait_for(export_id, ExportState.SUCCEEDED)
    again = site.mig("export", "retry", str(export_id))
    assert (again.exit_code, again.errors) == (1, f"export {export_id} has succeeded: nothing is missing\n")


def test_mig_export_shows_each_file_and_filters_and_pages(site: ExportSite, pacs: RawPacs, task: str) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(there)
    ids = [str(site.ask(site.put_some(n), there.name, task=f"{task}-{n}")) for n in (1, 2)]
    for export_id in ids:
        site.wait_for(UUID(export_id), ExportState.SUCCEEDED)
    listed = site.mig("export", "list", "--destination", there.name, "--json").rows
    assert [row["id"] for row in listed] == ids[::-1], "the newest first"
    second = site.mig("export", "list", "--destination", there.name, "--limit", "1", "--page", "2", "--json").rows
    assert [row["id"] for row in second] == ids[:1]
    assert site.mig("export", "list", "--destination", there.name, "--state", "failed", "--json").rows == []
    assert site.mig("export", "list", "--state", "nonsense").exit_code == 2
    (place,) = site.mig("export", "show", ids[1], "--json").rows["destinations"]
    assert [(file["state"], file["attempts"]) for file in place["files"]] == [("stored", 1)] * 2


def test_a_cancel_in_the_dashboard_stops_between_files_and_releases_the_association(
    site: ExportSite, tmp_path: Path, task: str
) -> None:
    go_on = tmp_path / "go-on"
    with raw_pacs(answer_when(go_on)) as pacs:
        there = pacs_destination(pacs, f"pacs-{task}", answer_seconds=60)
        site.register(there)
        export_id = site.ask(site.put_some(3), there.name, task=task)
        wait_until(lambda: len(pacs.names) == 2, 60, "the second file to be on its way")
        run = site.run_of(export_id)
        site.operator.cancel(run.id)
        site.gateway.wait_for_log("run cancelled")
        go_on.touch()
        site.operator.wait_for(run.id, "Cancelled", within_seconds=60)
        assert wait_until(lambda: pacs.endings, 60, "the association to end") == ["released"]
    site.wait_for(export_id, ExportState.CANCELLED)
    assert [send.state for send in site.sends(export_id)] == [SendState.STORED, SendState.STORED, SendState.FAILED]
    (told,) = site.told(export_id)
    assert told["status"] == "PartialFailure"
    assert "1 of 3 files not stored: cancelled by an operator" in told["message"]


def test_mig_export_cancel_ends_a_waiting_export_and_retry_goes_on(site: ExportSite, pacs: RawPacs, task: str) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(there.model_copy(update={"port": free_port()}))
    export_id = site.ask(site.put_some(3), there.name, task=task)
    site.wait_for(export_id, ExportState.WAITING)
    assert site.mig("export", "cancel", str(export_id)).exit_code == 0
    site.wait_for(export_id, ExportState.CANCELLED)
    site.register(there)
    assert site.mig("export", "retry", str(export_id)).exit_code == 0
    site.wait_for(export_id, ExportState.SUCCEEDED)
    assert [told["status"] for told in site.told(export_id, 2)] == ["Failure", "Success"]


def test_an_export_whose_run_was_deleted_has_another(site: ExportSite, pacs: RawPacs, task: str) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(there.model_copy(update={"port": free_port()}))
    export_id = site.ask(site.put_some(3), there.name, task=task)
    site.wait_for(export_id, ExportState.WAITING)
    site.operator.client.delete_flow_run(site.run_of(export_id).id)
    site.register(there)
    assert site.wait_for(export_id, ExportState.SUCCEEDED).attempt == 2


def test_a_worker_that_is_killed_sends_no_more_than_one_file_twice(site: ExportSite, tmp_path: Path, task: str) -> None:
    go_on = tmp_path / "go-on"
    with raw_pacs(answer_when(go_on)) as pacs:
        there = pacs_destination(pacs, f"pacs-{task}", answer_seconds=60)
        site.register(there)
        export_id = site.ask(site.put_some(3), there.name, task=task)
        wait_until(lambda: len(pacs.names) == 2, 60, "the second file to be on its way")
        sending = int(site.gateway.wait_for_log(rf"run started.*{str(export_id)[:8]}").rpartition("process=")[2])
        os.kill(site.gateway.process_of("worker"), signal.SIGKILL)
        wait_until(lambda: sending not in site.gateway.processes(), 30, "the run's process to end with its worker")
        go_on.touch()
        site.wait_for(export_id, ExportState.SUCCEEDED, within_seconds=180)
    assert pacs.names == ["1.2.3.1", "1.2.3.2", "1.2.3.2", "1.2.3.3"]
    assert site.operator.wait_for(site.run_of(export_id).id, "Completed", within_seconds=60).type is StateType.COMPLETED
    assert [told["status"] for told in site.told(export_id)] == ["Success"]


def test_a_run_that_prefect_did_not_hear_the_end_of_is_no_retry(site: ExportSite, pacs: RawPacs, task: str) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(there.model_copy(update={"port": free_port()}))
    export_id = site.ask(site.put_some(3), there.name, task=task)
    site.wait_for(export_id, ExportState.WAITING)
    run = site.run_of(export_id)
    site.operator.wait_for(run.id, "AwaitingRetry", within_seconds=60)
    site.settle(export_id)
    site.register(there)
    site.operator.retry(run.id)
    state = site.operator.wait_for(run.id, "Failed", within_seconds=60)
    assert "3 of 3 files not stored" in (state.message or "")
    assert pacs.names == []
    assert len(site.told(export_id)) == 1
    site.operator.retry(run.id)
    site.wait_for(export_id, ExportState.SUCCEEDED)


def test_a_slow_destination_does_not_hold_up_another(site: ExportSite, tmp_path: Path, task: str) -> None:
    go_on = tmp_path / "go-on"
    with raw_pacs(answer_when(go_on)) as slow, raw_pacs() as quick:
        site.register(
            pacs_destination(slow, f"slow-{task}", answer_seconds=60), pacs_destination(quick, f"quick-{task}")
        )
        export_id = site.ask(site.put_some(3), f"slow-{task}", f"quick-{task}", task=task)
        wait_until(lambda: quick.names == SENT, 60, "the quick one to have everything")
        wait_until(lambda: len(slow.names) == 2, 60, "the second file to be on its way to the slow one")
        assert site.row(export_id).state is ExportState.SENDING
        go_on.touch()
        site.wait_for(export_id, ExportState.SUCCEEDED)


def test_mig_destination_echo_says_what_is_wrong(site: ExportSite, pacs: RawPacs, task: str) -> None:
    there = pacs_destination(pacs, f"pacs-{task}")
    site.register(
        there,
        there.model_copy(update={"name": "refused", "port": free_port()}),
        there.model_copy(update={"name": "lost", "host": "no-such-host.invalid"}),
    )
    assert site.mig("destination", "echo", there.name).output == f"{there.name} answers\n"
    refused, lost = site.mig("destination", "echo", "refused"), site.mig("destination", "echo", "lost")
    assert (refused.exit_code, lost.exit_code) == (3, 3)
    assert "connection refused" in refused.errors
    assert "its name can't be resolved" in lost.errors
    pacs.manners = Manners(rejection=(1, 1, 7))
    rejected = site.mig("destination", "echo", there.name)
    assert (rejected.exit_code, "called AE title not recognized (1/1/7)" in rejected.errors) == (1, True)
    assert "no destination is registered as nobody" in site.mig("destination", "echo", "nobody").errors
