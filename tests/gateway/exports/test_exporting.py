"""Runs of exports against peers of every kind: what the ledger holds, what is told, what the peer got."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from gateway.config import DirectoryDestination
from gateway.database.totals import Series, read_totals
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import CredentialsLost, DatabaseUnavailable, Dependency, TakenOver
from gateway.exports.run import ExportRun
from gateway.exports.settling import give_up
from gateway.exports.states import ExportState, FileStatus, SendRow, SendState
from gateway.web.service import Service
from gateway.work.waiting import Wait
from tests.gateway.conftest import on_both_databases
from tests.gateway.dicomweb.raw_service import Conversation, answer_stored, raw_service, store_all, store_response
from tests.gateway.dicomweb.raw_service import answering as http_answering
from tests.gateway.dimse.raw_pacs import Association, Manners, answering, raw_pacs
from tests.gateway.exports.scene import BEGAN, WEB, Scene, pacs_destination, web_destination
from tests.gateway.part10_files import write_file, write_files
from tests.peers.ports import free_port

SENT = ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


def states(scene: Scene, export_id: UUID) -> list[SendState]:
    return [send.state for send in scene.sends(export_id)]


def missing(scene: Scene, export_id: UUID) -> list[str]:
    return [send.path for send in scene.sends(export_id) if send.state is not SendState.STORED]


def note_stored(scene: Scene, run: ExportRun, number: int = 0) -> None:
    with run.lease.noting(0) as note:
        note(number, StoreOutcome(Outcome.STORED), scene.now)


def send_of(scene: Scene, export_id: UUID, number: int = 0) -> SendRow:
    return scene.sends(export_id)[number]


@on_both_databases
def test_every_file_goes_to_every_destination_and_that_is_told(scene: Scene) -> None:
    keys = scene.put_some(3)
    with raw_pacs() as pacs, raw_service(store_all) as service:
        scene.register(pacs_destination(pacs), web_destination(service))
        export_id = scene.ask(keys, "pacs", "vna")
        scene.settled(export_id)
    assert pacs.names == SENT
    assert service.sent == SENT
    assert pacs.endings == ["released"]
    assert scene.row(export_id).state is ExportState.SUCCEEDED
    assert states(scene, export_id) == [SendState.STORED] * 6
    (told,) = scene.published()
    assert told == {
        "workflow_instance_id": "8a3b",
        "export_task_id": "task-1",
        "status": "Success",
        "message": "",
        "file_statuses": dict.fromkeys(keys, 0),
        "Target": None,
        "export_id": str(export_id),
        "settlement": 1,
        "destinations": [
            {"name": name, "status": "Success", "stored": 3, "not_stored": 0, "message": "", "files": {}}
            for name in ("pacs", "vna")
        ],
    }


def test_nothing_is_left_of_the_files_on_the_node(scene: Scene) -> None:
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs))
        scene.settled(scene.ask(scene.put_some(3), "pacs"))
    assert list((scene.directory / "exports").iterdir()) == []


def test_an_export_that_succeeded_has_nothing_left_to_do(scene: Scene) -> None:
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(3), "pacs")
        scene.settled(export_id)
        assert scene.export(export_id) is None
    assert pacs.names == SENT


def test_a_file_that_is_refused_is_told_and_only_that_one_is_sent_again(scene: Scene) -> None:
    keys = scene.put_some(3)
    with raw_pacs(answering(0xC000, 0xB000)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(keys, "pacs")
        settlement = scene.settled(export_id)
        assert scene.row(export_id).state is ExportState.PARTIAL
        assert states(scene, export_id) == [SendState.FAILED, SendState.REMARKED, SendState.STORED]
        pacs.manners = Manners()
        scene.settled(export_id)
    assert settlement.message == "pacs: 1 of 3 files not stored: the data set can't be understood (C000)"
    assert pacs.names == [*SENT, "1.2.3.1"]
    first, second = scene.published()
    assert (first["status"], second["status"]) == ("PartialFailure", "Success")
    assert list(first["file_statuses"].values()) == [FileStatus.SERVICE_ERROR, 0, 0]
    assert first["destinations"][0]["files"] == {
        keys[0]: {"stored": False, "code": 0xC000, "reason": "the data set can't be understood (C000)"},
        keys[1]: {"stored": True, "code": 0xB000, "reason": "stored, but data elements were coerced (B000)"},
    }
    assert (first["settlement"], second["settlement"]) == (1, 2)
    assert scene.row(export_id).settlements == 2
    assert send_of(scene, export_id).attempts == 2


def test_an_export_is_counted_at_each_destination_by_what_became_of_it_there(scene: Scene) -> None:
    with raw_pacs() as pacs, raw_pacs(answering(0xC000)) as vna:
        scene.register(pacs_destination(pacs), pacs_destination(vna, "vna"))
        scene.settled(export_id := scene.ask(scene.put_some(3), "pacs", "vna", "DOE^JOHN"))
        vna.manners = Manners()
        scene.settled(export_id)
    assert read_totals(scene.ledger.engine) == {
        Series("exports_settled", ("pacs", "succeeded")): 2,
        Series("exports_settled", ("vna", "partial")): 1,
        Series("exports_settled", ("vna", "succeeded")): 1,
        Series("exports_settled", ("(unregistered)", "failed")): 2,
        Series("work_ended", ("export", "failed")): 2,
    }


def test_an_archive_that_is_full_for_two_files_gets_them_on_the_next_try(scene: Scene) -> None:
    with raw_pacs(answering(0xA700, 0xA700)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(3), "pacs")
        (wait,) = scene.waits(export_id).waits
        assert wait.reason == "out of resources (A700)"
        assert states(scene, export_id) == [SendState.PENDING, SendState.PENDING, SendState.STORED]
        pacs.manners = Manners()
        scene.settled(export_id)
    assert pacs.names == [*SENT, "1.2.3.1", "1.2.3.2"]
    assert [told["status"] for told in scene.published()] == ["Success"]


def test_a_peer_that_aborts_is_sent_only_what_it_has_not_answered(scene: Scene) -> None:
    def abort_at_the_third(association: Association, number: int) -> None:
        association.answer(0) if number < 3 else association.abort()

    with raw_pacs(Manners(answer=abort_at_the_third)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(5), "pacs")
        scene.waits(export_id)
        pacs.manners = Manners()
        scene.settled(export_id)
    assert pacs.names == [*SENT, "1.2.3.4", "1.2.3.5", "1.2.3.3"], "the one in doubt comes last"


def test_a_file_at_which_a_peer_breaks_off_takes_no_other_with_it(scene: Scene) -> None:
    """What was on its way with it is a suspect as well: by itself the next time, or after it the time after that."""

    def break_off_at_the_fifth(association: Association, number: int) -> None:
        if pacs.names[-1] == "1.2.3.5":
            association.reset()
        association.answer(0)

    with raw_pacs(Manners(operations=8, answer=break_off_at_the_fifth)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(20), "pacs")
        for _ in range(3):
            scene.waits(export_id)
            scene.move(60)
    assert missing(scene, export_id) == ["p/1.2.3.5.dcm"]


def test_a_file_at_which_a_service_breaks_off_takes_no_other_with_it(scene: Scene) -> None:
    def break_off_at_the_fifth(conversation: Conversation) -> None:
        conversation.read_body()
        if "1.2.3.5" in conversation.names:
            conversation.reset()
        else:
            answer_stored(conversation)

    with raw_service(break_off_at_the_fifth) as service:
        scene.register(web_destination(service))
        export_id = scene.ask(scene.put_some(20), "vna", agent=WEB)
        for _ in range(3):
            scene.waits(export_id)
            scene.move(60)
    assert missing(scene, export_id) == ["p/1.2.3.5.dcm"]


def test_a_rejection_for_good_fails_every_file_with_its_reason(scene: Scene) -> None:
    with raw_pacs(Manners(rejection=(1, 1, 7))) as pacs:
        scene.register(pacs_destination(pacs))
        settlement = scene.settled(scene.ask(scene.put_some(3), "pacs"))
    assert "3 of 3 files not stored: RAWPACS at 127.0.0.1:" in settlement.message
    assert "called AE title not recognized (1/1/7)" in settlement.message
    (told,) = scene.published()
    assert (told["status"], set(told["file_statuses"].values())) == ("Failure", {FileStatus.SERVICE_ERROR})


@pytest.mark.parametrize("rejection", [(1, 1, 1), (2, 1, 1), (2, 3, 1), (2, 3, 2)])
def test_a_peer_that_is_merely_busy_is_waited_for(scene: Scene, rejection: tuple[int, int, int]) -> None:
    with raw_pacs(Manners(rejection=rejection)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(3), "pacs")
        scene.waits(export_id)
        pacs.manners = Manners()
        scene.settled(export_id)
    assert pacs.names == SENT


def test_a_file_whose_context_is_not_accepted_fails_and_the_others_go_on(scene: Scene, tmp_path: Path) -> None:
    jpeg = write_file(tmp_path, "1.2.9", transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    with raw_pacs(Manners(accepts=lambda _, syntax: 4 if syntax.endswith(".90") else 0)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask([*scene.put(jpeg), *scene.put_some(2)], "pacs")
        scene.settled(export_id)
    assert pacs.names == SENT[:2]
    assert "JPEG 2000" in send_of(scene, export_id).reason
    assert "CT Image Storage" in send_of(scene, export_id).reason


def test_a_destination_that_is_away_holds_no_other_up(scene: Scene) -> None:
    with raw_pacs() as pacs:
        there = pacs_destination(pacs)
        scene.register(there, there.model_copy(update={"name": "away", "port": free_port()}))
        export_id = scene.ask(scene.put_some(3), "away", "pacs")
        (wait,) = scene.waits(export_id).waits
    assert pacs.names == SENT
    assert (wait.dependency, wait.name) == (Dependency.DESTINATION, "away")
    assert "connection refused" in wait.reason
    assert scene.row(export_id).state is ExportState.WAITING
    assert scene.published() == [], "told once, when it is over"


def test_after_its_retry_window_an_export_is_failed_and_a_retry_sends_what_is_missing(scene: Scene) -> None:
    with raw_pacs() as pacs:
        there = pacs_destination(pacs, retry_for_seconds=600)
        scene.register(there.model_copy(update={"port": free_port()}))
        export_id = scene.ask(scene.put_some(3), "pacs")
        scene.waits(export_id)
        scene.move(599)
        scene.waits(export_id)
        scene.move(1)
        settlement = scene.settled(export_id)
        assert settlement.message.endswith("connection refused; given up after 10 minutes")
        assert pacs.names == []
        scene.register(there)
        scene.settled(export_id)
    assert pacs.names == SENT
    assert [told["status"] for told in scene.published()] == ["Failure", "Success"]


@pytest.mark.parametrize("names", [["pacs"], ["pacs", "misspelt"], ["misspelt", "pacs"]])
def test_a_misspelt_destination_shortens_nobody_s_time_while_a_part_of_ours_is_away(
    scene: Scene, names: list[str]
) -> None:
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs, retry_for_seconds=86_400))
    export_id = scene.ask(["p/a.dcm"], *names)
    run = scene.take_up(export_id)
    assert run
    run.wait([Wait(Dependency.OBJECT_STORE, "connection refused")], scene.now + timedelta(minutes=1))
    scene.move(86_399)
    again = scene.take_up(export_id)
    assert again
    assert again.until_for_part(Dependency.OBJECT_STORE) == BEGAN + timedelta(days=1)
    scene.move(1)
    assert again.until_for_part(Dependency.OBJECT_STORE) is None


def test_a_report_goes_to_a_directory_though_the_pacs_does_not_take_it(scene: Scene, tmp_path: Path) -> None:
    root = tmp_path / "research"
    root.mkdir()
    report = scene.put_bytes("p/report.pdf", b"%PDF-1.4" * 50)
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs), DirectoryDestination(name="research", path=root))
        export_id = scene.ask([report, *scene.put_some(2)], "pacs", "research")
        settlement = scene.settled(export_id)
    assert pacs.names == SENT[:2]
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == [
        "1.2.3.1.dcm",
        "1.2.3.2.dcm",
        "report.pdf",
    ]
    assert settlement.file_statuses == {
        "p/report.pdf": FileStatus.UNSUPPORTED_DATA_TYPE,
        "p/1.2.3.1.dcm": FileStatus.SUCCESS,
        "p/1.2.3.2.dcm": FileStatus.SUCCESS,
    }


def test_a_directory_that_is_not_mounted_is_waited_for(scene: Scene, tmp_path: Path) -> None:
    scene.register(DirectoryDestination(name="research", path=tmp_path / "research"))
    export_id = scene.ask(scene.put_some(2), "research")
    (wait,) = scene.waits(export_id).waits
    assert (wait.name, wait.reason.endswith("is it mounted?")) == ("research", True)
    (tmp_path / "research").mkdir()
    assert scene.settled(export_id).message == ""


def test_where_no_destination_is_known_the_default_window_holds(scene: Scene) -> None:
    run = scene.take_up(scene.ask(["p/a.dcm"], "misspelt"))
    assert run
    assert run.until_for_part(Dependency.OBJECT_STORE) == BEGAN + timedelta(hours=1)


def test_a_hundred_exports_do_not_make_a_hundred_timeouts(scene: Scene) -> None:
    with raw_pacs(Manners(rejection=(2, 3, 1))) as pacs:
        scene.register(pacs_destination(pacs))
        keys = scene.put_some(1)
        exports = [scene.ask(keys, "pacs", task=f"task-{number}") for number in range(100)]
        for export_id in exports:
            scene.waits(export_id)
        assert len(pacs.endings) == 3


@pytest.mark.parametrize(
    ("key", "status", "reason"),
    [
        ("p/none.dcm", FileStatus.DOWNLOAD_ERROR, "the object store does not have it"),
        ("../../etc/passwd", FileStatus.DOWNLOAD_ERROR, "its path is no object key"),
        ("p/report.pdf", FileStatus.UNSUPPORTED_DATA_TYPE, "no DICOM file that can be sent"),
    ],
)
def test_a_file_that_can_not_be_sent_is_told_and_the_others_go_on(
    scene: Scene, key: str, status: FileStatus, reason: str
) -> None:
    scene.put_bytes("p/report.pdf", b"%PDF-1.4" * 50)
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask([key, *scene.put_some(3)], "pacs")
        scene.settled(export_id)
    assert pacs.names == SENT
    assert send_of(scene, export_id).reason.startswith(reason)
    (told,) = scene.published()
    assert (told["status"], told["file_statuses"][key]) == ("PartialFailure", status)


@pytest.mark.parametrize(
    ("files", "destinations", "message"),
    [
        ([], ["pacs"], "the request names no files"),
        (["a"], [], "the request names no destinations"),
        (["a", "a"], ["pacs"], "the request names 1 of its files more than once"),
        (["a"], ["nowhere"], "nowhere: 1 of 1 files not stored: no destination is registered under this name"),
    ],
)
def test_what_can_not_be_served_is_told_with_its_reason(
    scene: Scene, files: list[str], destinations: list[str], message: str
) -> None:
    scene.settled(scene.ask(files, *destinations))
    (told,) = scene.published()
    assert (told["status"], told["message"]) == ("Failure", message)
    assert set(told["file_statuses"].values()) <= {FileStatus.CONFIGURATION_ERROR}


def test_a_destination_that_is_registered_afterwards_is_served_by_a_retry(scene: Scene) -> None:
    with raw_pacs() as pacs:
        export_id = scene.ask(scene.put_some(3), "pacs")
        scene.settled(export_id)
        scene.register(pacs_destination(pacs))
        scene.settled(export_id)
    assert pacs.names == SENT


def test_results_go_to_every_service_that_the_inference_request_names(scene: Scene) -> None:
    with raw_service(store_all) as first, raw_service(store_all) as second:
        outputs = [Service(first.url), Service(second.url, token="abc")]
        scene.outputs = lambda transaction_id: outputs if transaction_id == "doe^jane" else ()
        export_id = scene.ask(scene.put_some(3), "doe^jane", agent=WEB)
        settlement = scene.settled(export_id)
    assert first.sent == second.sent == SENT
    assert (len(scene.sends(export_id)), settlement.message) == (6, "")


def test_a_transaction_id_stays_out_of_what_prefect_shows(scene: Scene) -> None:
    settlement = scene.settled(scene.ask(scene.put_some(1), "doe^jane", agent=WEB))
    assert "doe" not in settlement.message
    assert settlement.message.endswith("neither a registered destination nor an inference request with outputResources")


def test_what_a_service_already_has_is_a_success_with_a_remark(scene: Scene) -> None:
    body = store_response(failed=[("1.2.3.1", 0x0111)])
    with raw_service(http_answering(409, body)) as service:
        scene.register(web_destination(service))
        export_id = scene.ask(scene.put_some(1), "vna", agent=WEB)
        scene.settled(export_id)
    assert states(scene, export_id) == [SendState.REMARKED]
    assert send_of(scene, export_id).reason.startswith("already there")


def test_retry_after_is_respected(scene: Scene) -> None:
    with raw_service(http_answering(429, b"", Retry_After="600"), store_all) as service:
        scene.register(web_destination(service))
        export_id = scene.ask(scene.put_some(1), "vna", agent=WEB)
        scene.waits(export_id)
        scene.move(599)
        scene.waits(export_id)
        assert scene.circuits.claim_probe(scene.now) is None
        assert len(service.requests) == 1


def test_bad_credentials_fail_at_once_with_that_reason(scene: Scene) -> None:
    with raw_service(http_answering(401)) as service:
        scene.register(web_destination(service))
        settlement = scene.settled(scene.ask(scene.put_some(1), "vna", agent=WEB))
    assert "401" in settlement.message


@on_both_databases
def test_what_a_killed_run_had_stored_is_not_sent_again(scene: Scene) -> None:
    keys = scene.put_some(3)
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(keys, "pacs")
        killed = scene.take_up(export_id)
        assert killed
        note_stored(scene, killed, 1)
        scene.settled(export_id)
    assert pacs.names == ["1.2.3.1", "1.2.3.3"]


@on_both_databases
def test_a_run_that_was_taken_over_writes_nothing_more(scene: Scene) -> None:
    export_id = scene.ask(scene.put_some(1), "pacs")
    first, second = scene.take_up(export_id), scene.take_up(export_id)
    assert first
    assert second
    for write in (
        lambda: note_stored(scene, first),
        lambda: first.lease.fail(FileStatus.UNKNOWN, "no"),
        first.settle,
    ):
        with pytest.raises(TakenOver):
            write()
    assert states(scene, export_id) == [SendState.PENDING]
    give_up(second.lease, second.destinations, "cancelled by an operator", scene.now, cancelled=True)
    assert scene.row(export_id).state is ExportState.CANCELLED


def test_a_stop_ends_between_files_and_says_goodbye(scene: Scene) -> None:
    def stop_at_the_second(association: Association, number: int) -> None:
        if number == 2:
            scene.stopping.set()
        association.answer(0)

    with raw_pacs(Manners(answer=stop_at_the_second)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(3), "pacs")
        scene.waits(export_id)
    assert pacs.endings == ["released"]
    assert states(scene, export_id) == [SendState.STORED, SendState.STORED, SendState.PENDING]


@on_both_databases
def test_a_request_that_comes_again_changes_nothing(scene: Scene) -> None:
    with raw_pacs() as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(1), "pacs")
        scene.settled(export_id)
        before = scene.row(export_id)
        scene.move(60)
        scene.ask(["something else"], "elsewhere")
    assert scene.row(export_id) == before


@on_both_databases
def test_several_doors_may_record_the_same_request_together(scene: Scene) -> None:
    threads = [threading.Thread(target=scene.ask, args=(["a"], "pacs")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scene.ledger.work.without_run(10)) == 1


def test_a_ledger_that_does_not_answer_loses_no_more_than_what_was_on_its_way(scene: Scene) -> None:
    export_id = scene.ask(scene.put_some(1), "pacs")
    run = scene.take_up(export_id)
    assert run
    (scene.directory / "gateway.db").rename(scene.directory / "away.db")
    (scene.directory / "gateway.db").mkdir()  # which can't be opened
    scene.ledger.close()
    with pytest.raises(DatabaseUnavailable):
        note_stored(scene, run)


@pytest.mark.parametrize("rejection", [(1, 1, 2), (1, 1, 3), (1, 1, 7), (1, 2, 2)])
def test_each_rejection_for_good_is_told_and_not_tried_again(scene: Scene, rejection: tuple[int, int, int]) -> None:
    with raw_pacs(Manners(rejection=rejection)) as pacs:
        scene.register(pacs_destination(pacs))
        settlement = scene.settled(scene.ask(scene.put_some(3), "pacs"))
    assert len(pacs.endings) == 1
    assert f"({'/'.join(map(str, rejection))})" in settlement.message


def test_a_peer_that_takes_implicit_little_endian_only_gets_nothing_transcoded(scene: Scene, tmp_path: Path) -> None:
    implicit = "1.2.840.10008.1.2"
    plain = write_file(tmp_path, "1.2.9", transfer_syntax_uid=implicit)
    with raw_pacs(Manners(accepts=lambda _, syntax: 0 if syntax == implicit else 4)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask([*scene.put_some(2), *scene.put(plain)], "pacs")
        scene.settled(export_id)
    assert pacs.names == ["1.2.9"]
    assert states(scene, export_id) == [SendState.FAILED, SendState.FAILED, SendState.STORED]
    assert "Explicit VR Little Endian" in send_of(scene, export_id).reason


def close_in_the_second(association: Association) -> None:
    if len(association.pacs.stored) == 1:
        association.reset()


def stop_reading_in_the_second(association: Association) -> None:
    if len(association.pacs.stored) == 1:
        association.say_nothing()


@pytest.mark.parametrize("interrupt", [close_in_the_second, stop_reading_in_the_second])
def test_a_peer_that_breaks_off_in_mid_file_is_sent_that_file_again(
    scene: Scene, tmp_path: Path, interrupt: Callable[[Association], None]
) -> None:
    files = write_files(tmp_path, 3, pixels=bytes(2_000_000))
    with raw_pacs(Manners(interrupt_after_bytes=3_000_000, interrupt=interrupt)) as pacs:
        scene.register(pacs_destination(pacs, answer_seconds=1, slowest_bytes_per_second=10_000_000))
        export_id = scene.ask(scene.put(*files), "pacs")
        scene.waits(export_id)
        assert states(scene, export_id) == [SendState.STORED, SendState.PENDING, SendState.PENDING]
        pacs.manners = Manners()
        scene.settled(export_id)
    assert pacs.names == ["1.2.3.1", "1.2.3.3", "1.2.3.2"]
    assert [send.attempts for send in scene.sends(export_id)] == [1, 2, 1]


def test_a_peer_that_never_answers_is_given_up_after_its_time(scene: Scene) -> None:
    with raw_pacs(Manners(answer=lambda association, _: association.say_nothing())) as pacs:
        scene.register(pacs_destination(pacs, answer_seconds=0.3))
        (wait,) = scene.waits(scene.ask(scene.put_some(3), "pacs")).waits
    assert pacs.names == ["1.2.3.1"]
    assert "the peer sent nothing in time" in wait.reason


def test_a_slow_reader_gets_everything(scene: Scene, tmp_path: Path) -> None:
    files = write_files(tmp_path, 2, pixels=bytes(10_000_000))
    with raw_pacs(Manners(bytes_per_second=20_000_000)) as pacs:
        scene.register(pacs_destination(pacs))
        scene.settled(scene.ask(scene.put(*files), "pacs"))
    assert pacs.names == SENT[:2]


def test_a_service_that_takes_some_is_told_file_by_file(scene: Scene) -> None:
    body = store_response(stored=["1.2.3.1", "1.2.3.3"], failed=[("1.2.3.2", 0xC000)])
    with raw_service(http_answering(202, body)) as service:
        scene.register(web_destination(service))
        export_id = scene.ask(scene.put_some(3), "vna", agent=WEB)
        scene.settled(export_id)
    assert states(scene, export_id) == [SendState.STORED, SendState.FAILED, SendState.STORED]
    assert service.sent == SENT
    (told,) = scene.published()
    assert (told["status"], list(told["file_statuses"].values())) == ("PartialFailure", [0, 3, 0])


def test_a_service_that_finds_it_too_much_gets_half(scene: Scene) -> None:
    with raw_service(http_answering(413), store_all) as service:
        scene.register(web_destination(service))
        export_id = scene.ask(scene.put_some(4), "vna", agent=WEB)
        scene.settled(export_id)
    assert [len(batch) for batch in service.batches] == [4, 2, 2]
    assert set(states(scene, export_id)) == {SendState.STORED}


def test_a_service_that_fails_once_is_asked_again(scene: Scene) -> None:
    with raw_service(http_answering(503), store_all) as service:
        scene.register(web_destination(service))
        export_id = scene.ask(scene.put_some(3), "vna", agent=WEB)
        scene.waits(export_id)
        scene.settled(export_id)
    assert service.sent == SENT * 2, "one batch was in doubt"
    assert [told["status"] for told in scene.published()] == ["Success"]


def test_a_service_that_hangs_is_given_up_after_its_time(scene: Scene) -> None:
    with raw_service(Conversation.hang) as service:
        scene.register(web_destination(service, answer_seconds=0.3, slowest_bytes_per_second=1_000_000))
        (wait,) = scene.waits(scene.ask(scene.put_some(1), "vna", agent=WEB)).waits
    assert "no answer in time" in wait.reason


def test_a_service_whose_credentials_are_lost_is_told_so(scene: Scene) -> None:
    def lost(_: str) -> list[Service]:
        raise CredentialsLost("the credentials are no longer held: submit the request again")

    scene.outputs = lost
    settlement = scene.settled(scene.ask(scene.put_some(1), "doe^jane", agent=WEB))
    assert settlement.message.endswith("not stored: the credentials are no longer held: submit the request again")
    assert set(settlement.file_statuses.values()) == {FileStatus.CONFIGURATION_ERROR}
