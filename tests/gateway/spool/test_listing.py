"""What a person sees of the spool, and any instance as a DICOM file."""

from pathlib import Path
from uuid import UUID

import pytest
from pydicom import dcmread

from gateway.errors import Damaged
from gateway.payloads.payload import Payload
from gateway.spool.area import SpoolArea
from gateway.spool.extraction import copy_instance
from gateway.spool.listing import instance_rows, instances_of, list_spool
from tests.gateway.receiving.scene import Scene


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    """One payload in each state: done, ready, open, and a damaged file."""
    spool = Scene(tmp_path)
    for study in ("1.1", "1.2"):
        sender = spool.associate()
        sender.send(study=study, sop=f"{study}.1")
        sender.send(study=study, sop=f"{study}.2")
        sender.end()
        (payload,) = spool.pass_time(5)
        if study == "1.1":
            spool.area.finish(payload.payload_id)
    spool.associate("CT02").send(study="1.3", sop="1.3.1")
    (spool.area.damaged / "unknown").mkdir()
    (spool.area.damaged / "unknown" / "x.dcm").write_bytes(b"damaged")
    return spool


def test_every_payload_is_listed_with_its_state_count_and_size(spool: Scene) -> None:
    listed = {found.state: found for found in list_spool(spool.area)}
    assert {state: found.instances for state, found in listed.items()} == {
        "done": 2,
        "ready": 2,
        "open": 1,
        "damaged": 1,
    }
    assert (listed["open"].called_ae, listed["open"].calling_ae) == ("MIG", "CT02")
    assert listed["ready"].bytes == sum(i.bytes for i in spool.area.read(spool.ready()[0]).instances)


def test_each_manifest_is_read_once_however_many_there_are(spool: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[UUID] = []
    as_it_is = SpoolArea.read

    def counted(area: SpoolArea, payload_id: UUID) -> Payload:
        read.append(payload_id)
        return as_it_is(area, payload_id)

    monkeypatch.setattr(SpoolArea, "read", counted)
    list_spool(spool.area)
    assert sorted(read) == sorted({*spool.area.ready_ids(), *spool.area.done_ids()})


def test_names_made_ahead_are_no_instances(spool: Scene) -> None:
    assert len(list(spool.area.incoming.rglob("*.dcm"))) > 5
    assert sum(found.instances for found in list_spool(spool.area)) == 6


def test_instances_are_shown_in_every_state(spool: Scene) -> None:
    for found in list_spool(spool.area):
        rows = instance_rows(spool.area, found.id)
        assert len(rows) == found.instances
        assert all(row["bytes"] for row in rows)


@pytest.mark.parametrize("state", ["open", "ready", "done"])
def test_an_instance_is_extracted_as_a_file_that_any_tool_reads(spool: Scene, tmp_path: Path, state: str) -> None:
    (found,) = [found for found in list_spool(spool.area) if found.state == state]
    instance = instances_of(spool.area, UUID(found.id))[0]
    copy = copy_instance(spool.area, instance, tmp_path)
    assert copy.read_bytes() == spool.stored_bytes(instance)
    assert dcmread(copy).SOPInstanceUID == instance.sop_instance_uid


def test_zeros_that_are_not_yet_cut_off_are_not_extracted(spool: Scene, tmp_path: Path) -> None:
    (found,) = [found for found in list_spool(spool.area) if found.state == "open"]
    instance = instances_of(spool.area, UUID(found.id))[0]
    with (spool.area.root / instance.file).open("ab") as file:
        file.write(bytes(4096))
    assert copy_instance(spool.area, instance, tmp_path).stat().st_size == instance.bytes


@pytest.mark.parametrize("kept_bytes", [200, -1], ids=["cut short", "another byte"])
def test_an_instance_that_does_not_verify_is_not_extracted(spool: Scene, tmp_path: Path, kept_bytes: int) -> None:
    (found,) = [found for found in list_spool(spool.area) if found.state == "ready"]
    instance = instances_of(spool.area, UUID(found.id))[0]
    file = spool.area.root / instance.file
    file.write_bytes(file.read_bytes()[:kept_bytes] + (b"?" if kept_bytes < 0 else b""))
    with pytest.raises(Damaged, match=f"{instance.sop_instance_uid} can't be copied"):
        copy_instance(spool.area, instance, tmp_path)
    assert list(tmp_path.glob("*.part")) == []
