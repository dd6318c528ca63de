"""`mig export` on a ledger without a site."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.exports.ledger import opened_ledger
from gateway.exports.request import ExportRequest
from gateway.work import MOST_AT_ONCE
from gateway.work.commands import Commands, OperatorCommand
from tests.databases import empty_database
from tests.deployments.commands.mig import ZONE, MigHere
from tests.gateway.dimse.raw_pacs import answering, raw_pacs
from tests.gateway.exports.scene import Scene, have_failed, pacs_destination, request_body


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with opened_ledger(empty_database(tmp_path / "var" / "gateway.db")) as ledger:
        yield Scene(tmp_path, ledger)


@pytest.fixture
def partial(scene: Scene) -> str:
    """The id of an export of two files, of which the archive has refused the first."""
    with raw_pacs(answering(0xC000)) as pacs:
        scene.register(pacs_destination(pacs))
        export_id = scene.ask(scene.put_some(2), "pacs")
        scene.settled(export_id)
    return str(export_id)


def columns(line: str) -> list[str]:
    """What stands in a line of a table: cells are at least two spaces apart."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_submitted_request_is_recorded_once(mig: MigHere, tmp_path: Path, scene: Scene) -> None:
    (tmp_path / "request.json").write_bytes(request_body(["a.dcm"], ["pacs"]))
    first, second = (mig("export", "submit", "request.json") for _ in range(2))
    (row,) = mig("export", "list", "--json").rows
    assert first.output == f"export {row['id']}: recorded\n"
    assert second.output == f"export {row['id']}: known already, nothing changes\n"


def test_a_request_that_can_not_be_read_is_exit_code_1_and_in_words(mig: MigHere, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("{")
    for file, said in (("nothing.json", "nothing.json can't be read"), ("request.json", "not JSON")):
        refused = mig("export", "submit", file)
        assert (refused.exit_code, refused.output) == (1, "")
        assert said in refused.errors


def test_exports_are_listed_the_newest_first_with_their_counts(mig: MigHere, scene: Scene, partial: str) -> None:
    scene.move(1)
    second = str(scene.ask(["a", "b", "c"], "pacs", "vna", task="task-2"))
    head, *rows = mig("export", "list").output.splitlines()
    assert columns(head) == [
        *"ID STATE ORIGIN DESTINATIONS FILES STORED MISSING".split(),
        f"RECEIVED ({ZONE})",
        "NEXT TRY",
        "MESSAGE",
    ]
    assert [columns(row)[:7] for row in rows] == [
        [second, "recorded", "request", "pacs, vna", "3", "0", "6"],
        [partial, "partial", "request", "pacs", "2", "1", "1"],
    ]
    assert rows[1].endswith("pacs: 1 of 2 files not stored: the data set can't be understood (C000)")


def test_what_an_operator_has_sent_is_found_by_its_payload(mig: MigHere, scene: Scene, partial: str) -> None:
    payload, command = str(uuid4()), uuid4()
    scene.record(ExportRequest("", "", "", ("a",), ("pacs",), payload, command=command))
    (row,) = mig("export", "list", "--json", "--payload", payload).rows
    assert (row["id"], row["origin"]) == (str(command), "operator")
    assert mig("export", "show", str(command), "--json").rows["origin"] == "operator"
    assert mig("export", "show", partial, "--json").rows["origin"] == "request"


@pytest.mark.slow
def test_that_more_are_meant_than_are_asked_at_once_is_said(
    mig: MigHere, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    have_failed(scene.ledger.engine, MOST_AT_ONCE + 1)
    told = mig("export", "retry", "--state", "failed")
    assert "more than 10,000 exports: the newest are meant, ask again for the others" in told.errors
    assert "retry 10,000 exports?" in told.output
    assert Commands(scene.ledger.engine).claim(scene.now, UUID(int=1)) is None


def test_those_of_the_last_hours_are_retried(
    mig: MigHere, scene: Scene, partial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.commands.operator._SHOWN_WITHIN_SECONDS", 0.0)
    retry = ("export", "retry", "--state", "partial", "--yes", "--since")
    assert mig(*retry, "2026-03-01T14:00:00+00:00").output == "no export is meant: nothing is done\n"
    assert mig(*retry, "2026-03-01T13:00:00+00:00").output.startswith("1 export: retry is noted")


def test_a_list_is_narrowed_by_state_and_destination_in_pages(mig: MigHere, scene: Scene, partial: str) -> None:
    for number, destination in ((2, "vna"), (3, "pacs")):
        scene.move(1)
        scene.ask(["a"], destination, task=f"task-{number}")

    def listed(*options: str) -> list[str]:
        return [row["export_task_id"] for row in mig("export", "list", "--json", *options).rows]

    assert listed("--destination", "pacs") == ["task-3", "task-1"]
    assert listed("--state", "partial") == ["task-1"]
    assert listed("--destination", "vna", "--state", "partial") == []
    assert listed("--limit", "1", "--page", "2") == ["task-2"]
    assert mig("export", "list", "--state", "nonsense").exit_code == 2


def test_an_export_is_shown_file_by_file_by_the_first_digits_of_its_id(mig: MigHere, partial: str) -> None:
    about, files = (part.splitlines() for part in mig("export", "show", partial[:8]).output.split("\n\n"))
    assert {tuple(columns(line)) for line in about} >= {("id", partial), ("state", "partial"), ("destinations", "pacs")}
    assert columns(files[0]) == ["DESTINATION", "PATH", "STATE", "CODE", "ATTEMPTS", f"LAST TRIED ({ZONE})", "REASON"]
    assert [columns(line)[:5] for line in files[1:]] == [
        ["pacs", "p/1.2.3.1.dcm", "failed", "C000", "1"],
        ["pacs", "p/1.2.3.2.dcm", "stored", "0000", "1"],
    ]
    shown = mig("export", "show", partial, "--json").rows
    (place,) = shown["destinations"]
    assert (place["name"], place["stored"], place["missing"]) == ("pacs", 1, 1)
    assert [(file["state"], file["code"]) for file in place["files"]] == [("failed", 0xC000), ("stored", 0)]


@pytest.mark.parametrize("command", [OperatorCommand.RETRY, OperatorCommand.CANCEL])
def test_what_is_asked_of_an_export_is_noted_for_the_dispatcher(
    mig: MigHere, scene: Scene, command: OperatorCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.commands.operator._SHOWN_WITHIN_SECONDS", 0.2)  # that is not there
    export_id = scene.ask(["a"], "nowhere")
    scene.settled(export_id)
    if command is OperatorCommand.CANCEL:
        export_id = scene.ask(["a"], "pacs", task="task-2")
    told = mig("export", command, str(export_id)[:8])
    noted = f"export {export_id}: {command} is noted, and is done as soon as the dispatcher and Prefect answer\n"
    assert (told.exit_code, told.output) == (0, noted)
    (row,) = Commands(scene.ledger.engine).of_work("export", export_id)
    assert (row.command, row.asked_by, row.done) == (command, "command line", None)


@pytest.mark.parametrize(
    ("command", "why"),
    [(OperatorCommand.RETRY, "is recorded: it goes on by itself"), (OperatorCommand.CANCEL, "is over: failed")],
)
def test_what_makes_no_sense_is_exit_code_1_and_notes_nothing(
    mig: MigHere, scene: Scene, command: OperatorCommand, why: str
) -> None:
    export_id = scene.ask(["a"], "nowhere")
    if command is OperatorCommand.CANCEL:
        scene.settled(export_id)
    refused = mig("export", command, str(export_id))
    assert (refused.exit_code, refused.output) == (1, "")
    assert refused.errors == f"export {export_id} {why}\n"
    assert Commands(scene.ledger.engine).of_work("export", export_id) == []


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
def test_an_id_that_no_export_or_more_than_one_has_is_told(mig: MigHere, scene: Scene, command: str) -> None:
    for number in range(17):
        scene.ask(["a"], "pacs", task=f"task-{number}")
    digits = [row["id"][0] for row in mig("export", "list", "--json").rows]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    for beginning, said in (("ffffffff-0", "no export"), (twice, "more than one export")):
        refused = mig("export", command, beginning)
        assert (refused.exit_code, refused.errors) == (1, f"{said} has an id that begins with {beginning}\n")


def test_json_is_what_a_program_can_read_without_a_row_too(mig: MigHere, scene: Scene) -> None:
    assert json.loads(mig("export", "list", "--json").output) == []
    assert len(mig("export", "list").output.splitlines()) == 1, "the head stands there all the same"
