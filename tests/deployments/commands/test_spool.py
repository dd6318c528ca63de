"""`mig spool` on a spool without a receiver."""

from pathlib import Path

import pytest
from pydicom import dcmread

from gateway.spool.listing import instances_of
from gateway.spool.node import read_node
from tests.deployments.commands.mig import ZONE, MigHere
from tests.gateway.receiving.scene import Scene


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    """One payload in each state: two instances done, one ready, one open; and a damaged file."""
    spool = Scene(tmp_path / "var" / "spool")
    read_node(tmp_path / "var" / "spool")
    for study, count in (("1.1", 2), ("1.2", 1)):
        sender = spool.associate()
        for number in range(count):
            sender.send(study=study, sop=f"{study}.{number}")
        sender.end()
        (payload,) = spool.pass_time(5)
        if study == "1.1":
            spool.area.finish(payload.payload_id)
    spool.associate("CT02").send(study="1.3", sop="1.3.0")
    (spool.area.damaged / "unknown").mkdir()
    (spool.area.damaged / "unknown" / "x.dcm").write_bytes(b"damaged")
    return spool


def ready(spool: Scene) -> str:
    (payload_id,) = spool.ready()
    return str(payload_id)


def test_what_lies_there_is_listed_in_every_state(mig: MigHere, spool: Scene) -> None:
    head, *lines = mig("spool", "list").output.splitlines()
    assert head.split() == ["ID", "STATE", "CALLED", "AE", "CALLING", "AE", "INSTANCES", "BYTES", "SINCE", f"({ZONE})"]
    assert sorted(line.split()[1] for line in lines) == ["damaged", "done", "open", "ready"]
    rows = {row["state"]: row for row in mig("spool", "list", "--json").rows}
    assert rows["ready"]["id"] == ready(spool)
    told = {state: (row["called_ae"], row["calling_ae"], row["instances"]) for state, row in rows.items()}
    assert told["done"] == ("MIG", "CT01", 2)
    assert told["open"] == ("MIG", "CT02", 1)
    assert rows["damaged"]["bytes"] == len(b"damaged")
    (line,) = [line for line in lines if line.split()[1] == "done"]
    assert line.split()[2:6] == ["MIG", "CT01", "2", str(rows["done"]["bytes"])]


def test_a_payload_is_shown_instance_by_instance_by_the_first_digits_of_its_id(mig: MigHere, spool: Scene) -> None:
    (instance,) = instances_of(spool.area, spool.ready()[0])
    head, line = mig("spool", "show", ready(spool)[:8]).output.splitlines()
    assert head.split() == f"FILE BYTES RECEIVED ({ZONE}) SOP CLASS UID SOP INSTANCE UID TRANSFER SYNTAX UID".split()
    assert line.split()[:2] == [instance.file, str(instance.bytes)]
    assert line.split()[-3:] == [instance.sop_class_uid, "1.2.0", instance.transfer_syntax_uid]
    (row,) = mig("spool", "show", ready(spool), "--json").rows
    assert (row["sop_instance_uid"], row["crc32c"]) == ("1.2.0", instance.model_dump(mode="json")["crc32c"])


def test_every_instance_is_extracted_as_a_dicom_file(mig: MigHere, spool: Scene, tmp_path: Path) -> None:
    (done,) = [row["id"] for row in mig("spool", "list", "--json").rows if row["state"] == "done"]
    said = mig("spool", "extract", done, "out/there")
    assert said.output == "2 instances copied to out/there\n"
    files = sorted((tmp_path / "out" / "there").iterdir())
    assert [file.name for file in files] == ["1.1.0.dcm", "1.1.1.dcm"]
    assert [dcmread(file).SOPInstanceUID for file in files] == ["1.1.0", "1.1.1"]


def test_one_instance_is_extracted_by_its_uid(mig: MigHere, spool: Scene, tmp_path: Path) -> None:
    (done,) = [row["id"] for row in mig("spool", "list", "--json").rows if row["state"] == "done"]
    assert mig("spool", "extract", done, "out", "--instance", "1.1.1").exit_code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["1.1.1.dcm"]
    refused = mig("spool", "extract", done, "out", "--instance", "1.1.7")
    assert (refused.exit_code, refused.errors) == (1, f"payload {done} has no instance 1.1.7\n")


def test_an_id_that_is_not_there_is_told(mig: MigHere, spool: Scene) -> None:
    for command in (("show", "xyz"), ("extract", "xyz", "out")):
        refused = mig("spool", *command)
        assert (refused.exit_code, refused.output) == (1, "")
        assert refused.errors.startswith("no payload on this spool")


def test_where_nothing_was_received_that_is_said_and_nothing_is_made(mig: MigHere, tmp_path: Path) -> None:
    for command in (("list",), ("show", "1"), ("extract", "1", "out")):
        refused = mig("spool", *command)
        assert (refused.exit_code, refused.output) == (2, "")
        assert refused.errors.startswith(f"nothing was ever run on the data directory {tmp_path}/var ")
    assert list(tmp_path.iterdir()) == []


def test_looking_takes_no_lock_and_changes_nothing(mig: MigHere, spool: Scene) -> None:
    before = {path: path.stat().st_mtime_ns for path in spool.area.root.rglob("*")}
    mig("spool", "list")
    mig("spool", "show", ready(spool))
    assert {path: path.stat().st_mtime_ns for path in spool.area.root.rglob("*")} == before
