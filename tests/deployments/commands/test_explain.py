"""`mig explain` says what a receiver then does: each is asked the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.ct_study import made_ct_study
from examples.made_study import write_study
from gateway.associations.record import AssociationRecord, Outcome
from gateway.config import load_settings
from gateway.dicom.part10 import FileMeta, encode_head
from gateway.disk.room import Room
from gateway.payloads.payload import Payload
from gateway.payloads.workflow_request import workflow_request
from tests.deployments.commands.mig import MigHere
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, data_set
from tests.listeners.scp.raw_peer import RawPeer
from tests.listeners.scp.receiver import Receiver, receiving
from tests.peers.dcmtk import ApplicationEntity, Dcmtk

MR, WORKLIST = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.31"
SETTINGS = f"""
[[application_entities]]
ae_title = "MIG"
workflows = ["brain"]

[[application_entities]]
ae_title = "PATIENTS"
grouping = "0010,0020"
group_by_source = true

[[application_entities]]
ae_title = "SMALL"
max_instances = 2

[[application_entities]]
ae_title = "IGNORES"
ignored_sop_classes = ["{MR}"]

[[application_entities]]
ae_title = "REFUSES"
allowed_sop_classes = ["{CT}"]
refuse_ignored = true

[[sources]]
ae_title = "CT01"
host = "127.0.0.1"

[[sources]]
ae_title = "CT02"
host = "10.1.0.17"

[events]
kind = "rabbitmq"
host = "rabbitmq"
exchange = "hospital"
"""


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    (tmp_path / "gateway.toml").write_text(SETTINGS)
    return MigHere(tmp_path)


@pytest.fixture
def receiver(mig: MigHere, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One with these settings, on this spool."""
    monkeypatch.setenv("MIG_CONFIG", str(mig.directory / "gateway.toml"))
    settings = load_settings().settings
    (mig.directory / "var" / "spool").mkdir(parents=True)
    entities, sources = settings.application_entities, settings.sources
    spool = mig.directory / "var" / "spool"
    with receiving(spool, *entities, sources=sources, reject_unknown_sources=True) as receiver:
        yield receiver


@pytest.fixture
def study(tmp_path: Path) -> list[Path]:
    return sorted(write_study(made_ct_study(3, 64, 64), tmp_path / "study"))


def explained(mig: MigHere, *arguments: str | Path, called: str = "MIG", calling: str = "CT01") -> Any:
    who = ("--calling", calling, "--called", called, "--address", "127.0.0.1")
    return mig("explain", *who, "--json", *map(str, arguments)).rows


def contexts(record: AssociationRecord) -> set[tuple[str, str, str]]:
    return {(each.abstract_syntax, each.result, each.transfer_syntax) for each in record.contexts}


def foreseen_contexts(foreseen: Any) -> set[tuple[str, str, str]]:
    return {(each["abstract_syntax"], each["result"], each["transfer_syntax"]) for each in foreseen["contexts"]}


def announced(payload: Payload) -> Any:
    """The event of a payload, with that in braces which nobody could know before."""
    made = {str(payload.payload_id): "{payload id}", str(payload.correlation_id): "{association id}"}
    body = json.loads(workflow_request(payload, "monaideploy").body)
    return {name: made.get(str(value), value) for name, value in body.items()} | {
        "timestamp": "{time of the first instance}"
    }


def file_of(
    directory: Path, name: str, sop: str = "1.2.3", sop_class: str = CT, *, named: str = "", **about: str
) -> Path:
    """A Part 10 file whose meta group has `named` for the SOP instance, where it is not that of its data set."""
    file = directory / f"{name}.dcm"
    head = encode_head(FileMeta(sop_class, named or sop, EXPLICIT_LITTLE, "", ""))
    content = data_set(sop=sop, sop_class=sop_class, **about)  # type: ignore[arg-type]
    file.write_bytes(bytes(128) + head + content)
    return file


def test_a_study_comes_into_the_payload_that_was_foreseen(
    mig: MigHere, receiver: Receiver, dcmtk: Dcmtk, study: list[Path]
) -> None:
    foreseen = explained(mig, *study)
    dcmtk.dcmsend(ApplicationEntity("MIG", receiver.port), study, calling="CT01")
    (record,) = receiver.kept()
    (payload,), (ours,) = receiver.spool.pass_time(5), foreseen["payloads"]
    assert foreseen_contexts(foreseen) == contexts(record)
    assert ours["event"]["body"] == announced(payload)
    assert list(ours["event"]["body"]) == list(announced(payload))
    assert (ours["event"]["exchange"], ours["event"]["routing_key"]) == ("hospital", "md.workflow.request")
    assert (ours["instances"], ours["bytes"]) == (len(payload.instances), payload.bytes)
    assert ours["closing"]["closed_by"] == payload.closed_by
    assert ours["group"] == f"Study Instance UID {payload.instances[0].study_instance_uid}"
    keys = [path for each in payload.instances for path in (each.path, each.metadata_path)]
    assert ours["objects"] == [f"{{payload id}}/{path}" for path in keys]
    assert {each["status"]: 3 for each in foreseen["files"]} == record.statuses


@pytest.mark.parametrize(
    ("calling", "called"), [("CT02", "MIG"), ("ct01", "MIG"), ("CT01", "MIGG"), ("CT01", "mig"), ("ANGIO", "MIG")]
)
def test_who_would_be_rejected_is_rejected_in_these_words(
    mig: MigHere, receiver: Receiver, dcmtk: Dcmtk, calling: str, called: str
) -> None:
    foreseen = explained(mig, called=called, calling=calling)
    dcmtk.echoscu(ApplicationEntity(called, receiver.port), calling=calling)
    (record,) = receiver.kept()
    assert record.outcome is Outcome.REJECTED
    assert foreseen["association"] == {"is_accepted": False, "codes": record.codes, "reason": record.reason}
    assert (foreseen["contexts"], foreseen["files"], foreseen["payloads"]) == ([], [], [])


def test_a_spool_without_room_is_foreseen(mig: MigHere, receiver: Receiver, dcmtk: Dcmtk) -> None:
    reserve_bytes = 1 << 60
    (mig.directory / "gateway.toml").write_text(f"{SETTINGS}\n[spool]\nreserve_bytes = {reserve_bytes}\n")
    receiver.spool.intake.room = Room(receiver.spool.root, reserve_bytes)
    foreseen = explained(mig)
    dcmtk.echoscu(ApplicationEntity("MIG", receiver.port), calling="CT01")
    (record,) = receiver.kept()
    assert foreseen["association"]["codes"] == record.codes == "2/3/1"
    kept = f"{reserve_bytes // 1_000_000} MB are kept to drain"
    assert kept in foreseen["association"]["reason"]
    assert kept in record.reason


def test_an_echo_is_taken(mig: MigHere, receiver: Receiver, dcmtk: Dcmtk) -> None:
    foreseen = explained(mig)
    dcmtk.echoscu(ApplicationEntity("MIG", receiver.port), calling="CT01")
    (record,) = receiver.kept()
    assert {(uid, result) for uid, result, _ in foreseen_contexts(foreseen)} == {
        (uid, result) for uid, result, _ in contexts(record)
    }
    assert foreseen["contexts_reason"] == record.reason == ""


def test_a_service_that_is_not_served_is_refused_in_these_words(mig: MigHere, receiver: Receiver, dcmtk: Dcmtk) -> None:
    foreseen = explained(mig, "--sop-class", "ModalityWorklistInformationModelFind")
    assert explained(mig, "--sop-class", WORKLIST) == foreseen
    peers = ("-aet", "CT01", "-aec", "MIG", "-k", "0010,0010", "127.0.0.1", str(receiver.port))
    dcmtk.run("findscu", "--worklist", *peers)
    (record,) = receiver.kept()
    assert foreseen["association"]["is_accepted"]
    assert foreseen_contexts(foreseen) == contexts(record)
    assert foreseen["contexts_reason"] in record.reason


@pytest.mark.parametrize(("called", "fate", "status"), [("IGNORES", "ignored", "0000"), ("REFUSES", "refused", "0122")])
def test_a_class_that_is_not_taken_is_answered_as_foreseen(
    mig: MigHere, receiver: Receiver, called: str, fate: str, status: str
) -> None:
    file = file_of(mig.directory, "mr", sop_class=MR)
    foreseen = explained(mig, file, called=called)
    with RawPeer(receiver.port) as peer:
        peer.associate((MR, [EXPLICIT_LITTLE]), called_ae=called, calling_ae="CT01")
        peer.store(data_set(sop_class=MR), sop_class=MR)
        peer.release()
    (record,) = receiver.kept()
    (ours,) = foreseen["files"]
    assert (ours["fate"], ours["status"], ours["payload"]) == (fate, status, None)
    assert {ours["status"]: 1} == record.statuses
    assert "sop_classes" in ours["reason"]
    assert foreseen["payloads"] == []


@pytest.mark.parametrize(("name", "about"), [("other", {"sop": "1.2.3.4"}), ("no-study", {"study": ""})])
def test_an_instance_that_would_be_refused_is_answered_as_foreseen(
    mig: MigHere, receiver: Receiver, name: str, about: dict[str, str]
) -> None:
    foreseen = explained(mig, file_of(mig.directory, name, named="1.2.3", **about))
    with RawPeer(receiver.port) as peer:
        peer.associate((CT, [EXPLICIT_LITTLE]), calling_ae="CT01")
        status = peer.store(data_set(**about), sop="1.2.3")  # type: ignore[arg-type]
        peer.release()
    (ours,) = foreseen["files"]
    assert (ours["fate"], ours["status"]) == ("refused", f"{status:04X}")
    (record,) = receiver.kept()
    assert record.statuses == {ours["status"]: 1}


def test_a_limit_that_files_reach_parts_them_as_foreseen(
    mig: MigHere, receiver: Receiver, dcmtk: Dcmtk, study: list[Path]
) -> None:
    foreseen = explained(mig, *study, called="SMALL")
    dcmtk.dcmsend(ApplicationEntity("SMALL", receiver.port), study, calling="CT01")
    receiver.kept()
    (first,), (second,) = receiver.spool.pass_time(0), receiver.spool.pass_time(5)
    told = [(each["instances"], each["closing"]["closed_by"]) for each in foreseen["payloads"]]
    assert told == [(2, "max_instances"), (1, "quiet")]
    assert told == [(len(each.instances), each.closed_by) for each in (first, second)]
    assert [each["supplements_number"] for each in foreseen["payloads"]] == [None, 1]
    assert second.supplements == first.payload_id


def test_files_of_several_studies_are_several_events(mig: MigHere) -> None:
    files = [file_of(mig.directory, f"{n}", f"1.2.3.{n}", study=f"1.2.{n % 2}", patient="P^1") for n in range(4)]
    parted = explained(mig, *files)["payloads"]
    assert [each["group"] for each in parted] == ["Study Instance UID 1.2.0", "Study Instance UID 1.2.1"]
    assert [each["files"] for each in parted] == [[str(files[0]), str(files[2])], [str(files[1]), str(files[3])]]
    assert [each["event"]["body"]["file_count"] for each in parted] == [2, 2]
    (together,) = explained(mig, *files, called="PATIENTS")["payloads"]
    assert (together["group"], together["instances"]) == ("Patient ID P^1, from CT01", 4)


def test_a_patient_without_an_id_is_grouped_by_study_and_an_id_moves_no_cursor(mig: MigHere) -> None:
    nobody = file_of(mig.directory, "nobody", patient="")
    forged = file_of(mig.directory, "forged", patient="P\x1b[2J")
    groups = [each["group"] for each in explained(mig, nobody, forged, called="PATIENTS")["payloads"]]
    assert groups == [
        "Study Instance UID 1.2.1, as there is no Patient ID, from CT01",
        r"Patient ID P\x1b[2J, from CT01",
    ]


def test_what_is_open_is_joined_and_what_has_closed_is_supplemented(mig: MigHere, receiver: Receiver) -> None:
    file = file_of(mig.directory, "late", "1.2.3.9")
    sender = receiver.spool.associate()
    sender.send()
    sender.end()
    (group,) = receiver.spool.intake.open_groups()
    (ours,) = explained(mig, file)["payloads"]
    assert (ours["joins"], ours["supplements"], ours["is_past_known"]) == (str(group.payload_id), None, True)
    (payload,) = receiver.spool.pass_time(5)
    (ours,) = explained(mig, file)["payloads"]
    assert (ours["joins"], ours["supplements"]) == (None, str(payload.payload_id))


def test_it_needs_no_site_and_makes_nothing(mig: MigHere, study: list[Path]) -> None:
    before = sorted(mig.directory.rglob("*"))
    (ours,) = explained(mig, *study)["payloads"]
    assert not ours["is_past_known"]
    assert sorted(mig.directory.rglob("*")) == before


def test_a_person_reads_it_in_order(mig: MigHere, study: list[Path]) -> None:
    who = ("--calling", "CT01", "--called", "MIG", "--address", "127.0.0.1")
    shown = mig("explain", *who, *map(str, study))
    assert shown.exit_code == 0
    parts = ["association  accepted", "CT Image Storage", study[0].name, "Study Instance UID 2.25.", "closes "]
    parts += ["5 s after its last instance", "not known here", "6 objects in monaideploy", "exchange hospital"]
    places = [shown.output.index(part) for part in parts]
    assert places == sorted(places)
    body = json.loads(shown.output[shown.output.index("{\n") :])
    assert body == explained(mig, *study)["payloads"][0]["event"]["body"]
    assert "how much room there is" in shown.errors


def test_the_exit_code_says_whether_all_would_be_taken(mig: MigHere, study: list[Path]) -> None:
    def code(*arguments: str) -> int:
        return mig("explain", "--calling", "CT01", "--called", "MIG", *arguments).exit_code

    here = ("--address", "127.0.0.1")
    no_file = file_of(mig.directory, "cut")
    no_file.write_bytes(no_file.read_bytes()[:200])
    assert code(*here, *map(str, study)) == 0
    assert code("--address", "10.9.9.9") == 1
    assert code(*here, "--sop-class", WORKLIST) == 1
    assert code(*here, str(study[0]), str(no_file)) == 1
    assert code(*here, "--sop-class", "NoSuchKeyword") == 2
    assert code("--address", "scanner") == code("--address", "10.0.0.0/8") == 2
    assert code(*here, str(mig.directory / "missing.dcm")) == 2
    assert mig("explain").exit_code == 2
