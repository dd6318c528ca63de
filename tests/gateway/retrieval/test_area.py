"""A working area keeps what is whole, whatever ends the process, and belongs to one holder at a time."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from gateway.disk.room import Room
from gateway.errors import AreaBusy, FromNewerProgram, NoRoom, TakenOver
from gateway.fhir.names import FhirFormat, FhirVersion
from gateway.retrieval.area import Area, NewFile
from gateway.retrieval.areas import Areas
from gateway.retrieval.fetch_list import FetchList
from gateway.retrieval.fetched import FetchedInstance
from gateway.retrieval.index import read_index, write_index
from gateway.sources.items import ListedInstance, WantedResource, WantedStudy
from gateway.sources.outcome import SourceProblem

REQUEST = UUID("11111111-2222-3333-4444-555555555555")


@pytest.fixture
def areas(tmp_path: Path) -> Areas:
    return Areas(tmp_path, Room(tmp_path, 0))


def entry(number: int, content: bytes = b"content", file: str | None = None) -> FetchedInstance:
    return FetchedInstance(
        file=file or f"files/{number:06}.dcm",
        bytes=len(content),
        crc32c=crc32c(content),
        fetched_ns=1,
        source=1,
        sop_class_uid="1.2.840",
        sop_instance_uid=f"1.2.{number}",
        study_instance_uid="1",
        series_instance_uid="2",
        transfer_syntax_uid="1.2.840.10008.1.2",
        modality="CT",
        as_stored=True,
    )


def fetch_one(area: Area, number: int, content: bytes = b"content") -> Path:
    file = area.new_file("dcm")
    file.write(content)
    file.close()
    area.add(entry(number, content, file.name))
    return area.directory / file.name


def write_megabytes(file: NewFile, count: int) -> None:
    for _ in range(count):
        file.write(bytes(1 << 20))


def uids(area: Area) -> list[str]:
    return list(area.instances)


def test_what_is_whole_is_there_for_the_next_holder(areas: Areas) -> None:
    with areas.open(REQUEST, 1) as area:
        fetch_one(area, 1)
        fetch_one(area, 2)
    with areas.open(REQUEST, 2) as area:
        assert uids(area) == ["1.2.1", "1.2.2"]
        assert fetch_one(area, 3).name == "000003.dcm"


def test_what_is_not_whole_is_gone(areas: Areas) -> None:
    with areas.open(REQUEST, 1) as area:
        fetch_one(area, 1)
        area.new_file("dcm").write(b"half")
    with areas.open(REQUEST, 1) as area:
        assert [path.name for path in (area.directory / "files").iterdir()] == ["000001.dcm"]


@pytest.mark.parametrize("damage", [b"", b"short", b"other content", b"c0ntent"])
def test_what_lost_its_bytes_to_a_power_cut_is_fetched_again(areas: Areas, damage: bytes) -> None:
    with areas.open(REQUEST, 1) as area:
        fetch_one(area, 1).write_bytes(damage)
        fetch_one(area, 2)
    with areas.open(REQUEST, 1) as area:
        assert uids(area) == ["1.2.2"]


def test_notes_that_a_power_cut_emptied_are_as_if_they_had_never_been(areas: Areas) -> None:
    with areas.open(REQUEST, 7) as area:
        area.keep_fetch_list(FetchList())
        fetch_one(area, 1)
        for name in ("epoch", "wanted.json"):
            (area.directory / name).write_bytes(b"")
    with areas.open(REQUEST, 8) as area:
        assert (uids(area), area.fetch_list) == (["1.2.1"], None)


@given(st.integers(min_value=0, max_value=1000), st.binary(max_size=30))
def test_a_torn_index_loses_its_last_line_and_no_other(cut: int, tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "index"
        write_index(file, [entry(1), entry(2), entry(3)])
        content = file.read_bytes()
        cut = min(cut, len(content))
        file.write_bytes(content[:cut] + tail)
        whole = content[:cut].count(b"\n")
        found = [each.sop_instance_uid for each in read_index(file) if isinstance(each, FetchedInstance)]
        assert found[:whole] == [f"1.2.{number}" for number in range(1, whole + 1)]
        assert len(found) <= whole + 1


def test_after_a_torn_line_the_next_one_stands_alone(areas: Areas) -> None:
    with areas.open(REQUEST, 1) as area:
        fetch_one(area, 1)
        with (area.directory / "index").open("ab") as index:
            index.write(b"deadbeef {")
    with areas.open(REQUEST, 1) as area:
        fetch_one(area, 2)
    with areas.open(REQUEST, 1) as area:
        assert uids(area) == ["1.2.1", "1.2.2"]


def test_an_earlier_holder_is_sent_away(areas: Areas) -> None:
    with areas.open(REQUEST, 7):
        pass
    with pytest.raises(TakenOver, match=r"epoch 7 after 6"), areas.open(REQUEST, 6):
        pass
    with areas.open(REQUEST, 7):
        pass


def test_one_process_works_in_an_area_at_a_time(areas: Areas) -> None:
    busy = pytest.raises(AreaBusy, match=f"process {os.getpid()} on .* works on request {REQUEST} on this node")
    with areas.open(REQUEST, 1), busy, areas.open(REQUEST, 2):
        pass
    with areas.open(REQUEST, 2), areas.open(uuid4(), 1):
        pass


def test_what_the_queries_found_is_kept(areas: Areas) -> None:
    study = WantedStudy("1.2", "study", (ListedInstance("3", "4"),), listed=True, related_instances=1)
    resource = WantedResource("Patient", "1", FhirFormat.JSON, FhirVersion.R4, "inputs[0]")
    problem = SourceProblem(2, "away", final=False, retry_after_seconds=3.5)
    listed = FetchList({1: (study, resource)}, (problem,), ("a remark",))
    with areas.open(REQUEST, 1) as area:
        assert area.fetch_list is None
        area.keep_fetch_list(listed)
    with areas.open(REQUEST, 1) as area:
        assert area.fetch_list == listed


def test_a_full_disk_is_told_before_it_is_full(tmp_path: Path) -> None:
    areas = Areas(tmp_path, Room(tmp_path, reserve_bytes=1 << 60))
    with areas.open(REQUEST, 1) as area, pytest.raises(NoRoom):
        area.new_file("dcm")


def test_a_disk_that_fills_up_within_a_large_instance_is_told(tmp_path: Path) -> None:
    left = [1]

    def check() -> None:
        if not left:
            raise NoRoom("full")
        left.pop()

    area = Area(tmp_path / "area", REQUEST, 1, check)
    file = area.new_file("dcm")
    with pytest.raises(NoRoom):
        write_megabytes(file, 20)
    file.discard()
    area.close()
    assert file.bytes < 20 << 20


def test_areas_are_listed_with_who_works_on_them(areas: Areas) -> None:
    other = UUID("22222222-2222-3333-4444-555555555555")
    (areas.root / "areas" / "lost+found").mkdir(parents=True)
    with areas.open(REQUEST, 3):
        pass
    with areas.open(other, 1):
        states = [(state.request_id, state.epoch, state.in_use) for state in areas.states()]
    assert states == [(REQUEST, 3, False), (other, 1, True)]


def test_no_areas_are_listed_where_none_was_made(areas: Areas) -> None:
    assert list(areas.states()) == []


def test_an_area_that_nobody_works_on_and_nobody_wants_is_removed(areas: Areas) -> None:
    asked: list[tuple[UUID, int | None]] = []

    def is_wanted(request_id: UUID, epoch: int | None) -> bool:
        asked.append((request_id, epoch))
        return False

    with areas.open(REQUEST, 3) as area:
        fetch_one(area, 1)
        assert not areas.remove(REQUEST, is_wanted)
    assert asked == []
    assert areas.remove(REQUEST, is_wanted)
    assert asked == [(REQUEST, 3)]
    assert [path for path in areas.root.rglob("*") if path.is_file()] == []
    assert areas.remove(REQUEST, is_wanted)


def test_an_area_that_is_wanted_stays(areas: Areas) -> None:
    with areas.open(REQUEST, 3) as area:
        fetch_one(area, 1)
    assert not areas.remove(REQUEST, lambda _, epoch: epoch == 3)
    with areas.open(REQUEST, 4) as area:
        assert uids(area) == ["1.2.1"]


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the area."""
    program = f"""
import signal
from pathlib import Path
from uuid import UUID
from gateway.retrieval.areas import Areas
from gateway.disk.room import Room
root = Path({str(root)!r})
with Areas(root, Room(root, 0)).open(UUID({str(REQUEST)!r}), 1):
    print("held", flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_holder_that_is_killed_gives_the_area_back(areas: Areas) -> None:
    with holder(areas.root) as process:
        with pytest.raises(AreaBusy), areas.open(REQUEST, 2):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with areas.open(REQUEST, 2):
            pass


def test_while_areas_come_and_go_no_two_work_in_one(areas: Areas) -> None:
    inside, seen, removed = threading.Semaphore(1), [], []

    def work() -> None:
        for _ in range(100):
            with suppress(AreaBusy), areas.open(REQUEST, 1):
                seen.append(inside.acquire(blocking=False))
                inside.release()
            removed.append(areas.remove(REQUEST, lambda *_: False))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(seen)
    assert any(removed)


def test_an_area_of_a_newer_program_is_refused_by_name_and_left_as_it_is(areas: Areas) -> None:
    with areas.open(REQUEST, 1) as area:
        file = fetch_one(area, 1)
    (area.directory / "version").write_text("2")
    with pytest.raises(FromNewerProgram, match=f"the working area of request {REQUEST} has version 2"):
        areas.open(REQUEST, 2).__enter__()
    assert file.read_bytes() == b"content"
    assert (area.directory / "version").read_text() == "2"


def test_an_area_of_0_1_names_no_version_and_is_gone_on_with(areas: Areas) -> None:
    with areas.open(REQUEST, 1) as area:
        fetch_one(area, 1)
    (area.directory / "version").unlink()
    with areas.open(REQUEST, 2) as area:
        assert list(area.instances) == ["1.2.1"]
    assert (area.directory / "version").read_text() == "1"
