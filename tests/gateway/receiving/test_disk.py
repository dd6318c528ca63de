"""Full, failing and unfit disks: nothing is committed that can't be kept."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path
from uuid import uuid4

import pytest
from crc32c import crc32c

from gateway.disk.durable import Durability
from gateway.disk.file_system import check_file_system, overwrites_in_place
from gateway.disk.room import LOOK_AGAIN_BYTES, Room
from gateway.errors import NoRoom, SettingsError, SpoolFailed
from gateway.receiving.association_files import LONGEST_AHEAD_BYTES, AssociationFiles, EmptyFile
from gateway.receiving.instance_file import InstanceFile
from gateway.spool.area import SpoolArea
from gateway.spool.preamble import Preamble
from tests.gateway.receiving.scene import EmptyDisk, Scene, data_set

GB = 10**9


class Disk(EmptyDisk):
    """A file system of 100 GB."""

    f_frsize = 1
    f_blocks = 100 * GB

    def __init__(self, free_bytes: int, free_inodes: int = 10**6) -> None:
        self.f_bavail = free_bytes
        self.f_favail = free_inodes


def room(disk: Disk, reserve_bytes: int = 2 * GB) -> Room:
    return Room(Path("/"), reserve_bytes, statvfs=lambda _: disk)


@pytest.mark.parametrize(
    ("free_bytes", "reserve_bytes", "largest_payload_bytes"),
    [(5 * GB - 1, 2 * GB, 0), (8 * GB - 1, 8 * GB, 0), (9 * GB - 1, 2 * GB, 9 * GB)],
    ids=["5 % of the disk", "reserve_bytes", "the largest open payload"],
)
def test_what_is_kept_to_drain_is_the_largest_of_three(
    free_bytes: int, reserve_bytes: int, largest_payload_bytes: int
) -> None:
    with pytest.raises(NoRoom, match="are kept to drain"):
        room(Disk(free_bytes), reserve_bytes).check(largest_payload_bytes, writers=0)
    room(Disk(free_bytes + 1), reserve_bytes).check(largest_payload_bytes, writers=0)


def test_what_running_associations_may_still_write_is_counted_in() -> None:
    almost = Disk(5 * GB + 3 * LOOK_AGAIN_BYTES)
    room(almost).check(0, writers=3)
    with pytest.raises(NoRoom):
        room(almost).check(0, writers=4)


def test_a_disk_without_inodes_has_no_room() -> None:
    with pytest.raises(NoRoom, match="inodes"):
        room(Disk(90 * GB, free_inodes=9_999)).check(0, writers=1)


def test_the_room_is_looked_at_again_within_a_large_instance(tmp_path: Path) -> None:
    spool = Scene(tmp_path)
    disk = Disk(90 * GB)
    spool.intake.room = room(disk)
    piece = memoryview(bytes(LOOK_AGAIN_BYTES))
    with spool.associate().begin() as reception:
        reception.write(memoryview(data_set()))
        disk.f_bavail = GB
        with pytest.raises(NoRoom):
            reception.write(piece)
    assert spool.intake.open_groups() == []


class FaultyDisk:
    """A disk that counts its flushes, and fails them with `errno` while that is set."""

    def __init__(self) -> None:
        self.errno = 0
        self.flushed: list[str] = []

    def _flush(self, what: str) -> None:
        self.flushed.append(what)
        if self.errno:
            raise OSError(self.errno, os.strerror(self.errno))

    def flush_file(self, descriptor: int) -> None:
        self._flush("file")

    def flush_directory(self, directory: Path) -> None:
        self._flush("directory")

    def begin_write_back(self, descriptor: int, start: int, count: int) -> None:
        self._flush("write-back")

    def flush_file_system(self, directory: Path) -> None:
        self._flush("file system")


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def spool(tmp_path: Path, disk: FaultyDisk) -> Scene:
    return Scene(tmp_path, flushing=disk)


def test_a_disk_that_reports_an_error_is_out_of_service_until_a_probe_was_read_back(
    spool: Scene, disk: FaultyDisk
) -> None:
    sender = spool.associate()
    disk.errno = errno.EIO
    with pytest.raises(SpoolFailed, match="Input/output error"):
        sender.send()
    with pytest.raises(SpoolFailed, match="out of service"):
        spool.intake.check()
    disk.errno = 0
    spool.intake.check()
    sender.send()
    sender.end()
    (payload,) = spool.pass_time(5)
    assert (len(payload.instances), payload.superseded) == (1, ())


def test_a_flush_that_finds_the_disk_full_leaves_nothing_and_the_disk_in_service(
    spool: Scene, disk: FaultyDisk
) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    disk.errno = errno.ENOSPC
    with pytest.raises(NoRoom):
        sender.send(sop="1.2.3.2")
    disk.errno = 0
    spool.intake.check()
    assert [len(group.instances) for group in spool.intake.open_groups()] == [1]
    spool.restart()
    assert [len(group.instances) for group in spool.intake.open_groups()] == [1]


def test_a_manifest_that_cannot_be_written_is_tried_again_under_the_same_id(spool: Scene, disk: FaultyDisk) -> None:
    sender = spool.associate()
    sender.send()
    sender.end()
    (group,) = spool.intake.open_groups()
    disk.errno = errno.ENOSPC
    assert spool.pass_time(5) == []
    disk.errno = 0
    (payload,) = spool.pass_time(1)
    assert payload.payload_id == group.payload_id
    assert [path.name for path in spool.area.ready.iterdir()] == [f"{payload.payload_id}.json"]


def test_a_payload_closes_once_though_its_key_can_not_be_noted(spool: Scene) -> None:
    (spool.area.root / "closed-keys").unlink(missing_ok=True)
    (spool.area.root / "closed-keys").mkdir()
    sender = spool.associate()
    sender.send()
    sender.end()
    assert len(spool.pass_time(5)) == 1
    assert spool.pass_time(60) == []


def test_a_file_that_can_not_be_opened_is_left_for_the_next_instance(
    spool: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    with monkeypatch.context() as patched:
        patched.setattr("gateway.receiving.reception.InstanceFile", _too_many_open_files)
        with pytest.raises(SpoolFailed, match="Too many open files"):
            sender.send(sop="1.2.3.2")
    spool.intake.check()
    sender.send(sop="1.2.3.3")
    sender.end()
    assert sorted(path.name for path in spool.area.incoming.rglob("*.dcm")) == ["1.dcm", "2.dcm"]


def test_a_file_that_can_not_be_wiped_is_closed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1.dcm"
    path.touch()
    file = InstanceFile(EmptyFile(str(path), 0), b"DICM", Durability.OS)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", _disk_full)
        file.discard()
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1
    assert not path.exists()


def test_an_instance_is_flushed_once_and_its_name_before_it_is_needed(spool: Scene, disk: FaultyDisk) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3.1")
    assert disk.flushed[-3:] == ["directory", "directory", "file"]
    disk.flushed.clear()
    sender.send(sop="1.2.3.2")
    sender.send(sop="1.2.3.3")
    assert disk.flushed == ["file", "file"]


def test_names_made_ahead_have_zeros_for_as_long_an_instance_as_came_before(tmp_path: Path, disk: FaultyDisk) -> None:
    spool = Scene(tmp_path, flushing=disk, zeros_ahead=True)
    sender = spool.associate()
    sent = [sender.send(sop=f"1.2.3.{number}", pixels=bytes(10_000)) for number in range(8)]
    unused = [path.stat().st_size for path in spool.area.incoming.rglob("*.dcm") if is_zeros(path)]
    assert set(unused) == {12_288}, "10 KB and the header, in whole blocks"
    assert disk.flushed.count("write-back") == 12, "the first four names were made before an instance had come"
    for instance in sent:
        assert (spool.area.root / instance.file).stat().st_size == instance.bytes
    sender.end()
    assert len(list(spool.area.incoming.rglob("*.dcm"))) == 8


@pytest.mark.parametrize("pixels", [100, 3_000, 9_000, 100_000])
def test_an_instance_may_be_longer_or_shorter_than_the_zeros_that_wait_for_it(tmp_path: Path, pixels: int) -> None:
    spool = Scene(tmp_path, zeros_ahead=True)
    sender = spool.associate()
    for number in range(4):
        sender.send(sop=f"1.2.3.{number}", pixels=bytes(3_000))
    instance = sender.send(sop="1.2.4", pixels=b"\7" * pixels)
    assert spool.stored_bytes(instance).endswith(data_set(sop="1.2.4", pixels=b"\7" * pixels))
    assert len(spool.stored_bytes(instance)) == instance.bytes


def test_no_zeros_are_made_for_large_instances_and_few_for_many(tmp_path: Path, disk: FaultyDisk) -> None:
    files = AssociationFiles(SpoolArea(tmp_path / "scp", disk, zeros_ahead=True))
    files.directory.parent.mkdir(parents=True)
    files.take()
    files.came(LONGEST_AHEAD_BYTES)
    assert {files.take().zeros_bytes for _ in range(7)} == {0}
    files.came(LONGEST_AHEAD_BYTES - 5_000)
    taken = [files.take() for _ in range(100)]
    assert taken[-1].zeros_bytes == 0, "nothing more has come"
    lengths = {file.zeros_bytes for file in taken} - {0}
    assert lengths == {LONGEST_AHEAD_BYTES - 4096}
    files.close()


def test_zeros_that_find_the_disk_full_leave_no_name(tmp_path: Path, disk: FaultyDisk) -> None:
    spool = Scene(tmp_path, flushing=disk, zeros_ahead=True)
    sender = spool.associate()
    for number in range(3):
        sender.send(sop=f"1.2.3.{number}")
    disk.errno = errno.ENOSPC
    with pytest.raises(NoRoom):
        sender.send(sop="1.2.4")
    assert len(list(spool.area.incoming.rglob("*.dcm"))) == 4
    disk.errno = 0
    sender.send(sop="1.2.4")


def is_zeros(path: Path) -> bool:
    return not any(path.read_bytes())


def test_a_large_instance_is_written_back_on_the_way(spool: Scene, disk: FaultyDisk) -> None:
    with spool.associate().begin() as reception:
        reception.write(memoryview(data_set()))
        for _ in range(20):
            reception.write(memoryview(bytes(1024 * 1024)))
        assert disk.flushed.count("write-back") == 2
        reception.commit()


class WatchfulDisk(FaultyDisk):
    """Looks whether what is to be written back has been written."""

    def begin_write_back(self, descriptor: int, start: int, count: int) -> None:
        super().begin_write_back(descriptor, start, count)
        assert os.fstat(descriptor).st_size == start + count


def test_small_fragments_are_written_before_they_are_written_back(tmp_path: Path) -> None:
    path, disk = tmp_path / "1.dcm", WatchfulDisk()
    path.touch()
    file = InstanceFile(EmptyFile(str(path), 0), b"DICM", disk)
    for _ in range(1100):
        file.write(memoryview(bytes(16_000)))
    assert disk.flushed == ["write-back"] * 2
    file.discard()


FRAGMENTS = pytest.mark.parametrize("fragments", [[], [10], [4000] * 3, [300_000], [16_000] * 50, [10, 70_000, 10]])


def fragment(number: int, size: int) -> bytes:
    return bytes([number + 1]) * size


def new_file(path: Path) -> InstanceFile:
    path.touch()
    return InstanceFile(EmptyFile(str(path), 0), b"DICM", Durability.DISK)


def write_and_commit(file: InstanceFile, fragments: list[int]) -> None:
    for number, size in enumerate(fragments):
        file.write(memoryview(fragment(number, size)))
    file.commit(Preamble(file.length_bytes, file.crc32c, uuid4(), bytes(16), 1))


@FRAGMENTS
def test_an_instance_lies_behind_its_preamble(tmp_path: Path, fragments: list[int]) -> None:
    path = tmp_path / "1.dcm"
    file = new_file(path)
    write_and_commit(file, fragments)
    data = b"DICM" + b"".join(starmap(fragment, enumerate(fragments)))
    assert path.read_bytes()[:8] == b"MIGSPL01"
    assert path.read_bytes()[128:] == data
    assert file.length_bytes == 128 + len(data)
    assert file.crc32c == crc32c(bytes(128) + data)


@FRAGMENTS
def test_the_preamble_is_written_after_the_data(tmp_path: Path, fragments: list[int]) -> None:
    """Wherever writing ends, since the system takes no more: there is no preamble of what does not lie there whole."""
    length_bytes = 128 + 4 + sum(fragments)
    for limit_bytes in (129, max(129, length_bytes // 2), length_bytes - 1):
        path = tmp_path / f"{limit_bytes}.dcm"
        file = new_file(path)
        with no_file_longer_than(limit_bytes), pytest.raises(OSError, match="File too large"):
            write_and_commit(file, fragments)
        assert path.stat().st_size == limit_bytes
        assert not any(path.read_bytes()[:128])
        file.discard()


@contextmanager
def no_file_longer_than(limit_bytes: int) -> Iterator[None]:
    """What is written beyond is refused by the system, by whichever call (setrlimit(2), RLIMIT_FSIZE)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:2 / /data rw,relatime shared:2 - xfs /dev/sdb1 rw
31 22 8:3 / /old\\040disk rw,relatime - ext2 /dev/sdc1 rw
32 22 0:40 / /nas rw,relatime - nfs4 nas:/pacs rw
33 22 0:41 / /ram rw - tmpfs tmpfs rw
34 22 8:4 / /fast rw,nobarrier - ext4 /dev/sdd1 rw
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(MOUNTS)
    (tmp_path / "proc/fs/jbd2/sda1-8").mkdir(parents=True)
    (tmp_path / "proc/fs/jbd2/sdd1-8").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(("directory", "what"), [("/nas/spool", "nfs4, a network"), ("/ram/spool", "tmpfs, a RAM")])
def test_network_and_ram_file_systems_are_refused_for_disk_durability(system: Path, directory: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        check_file_system(Path(directory), Durability.DISK, system)
    (said,) = check_file_system(Path(directory), Durability.OS, system)
    assert "not a power cut" in said


@pytest.mark.parametrize(
    ("directory", "warning"),
    [("/old disk/spool", "ext2 has no journal"), ("/fast/spool", "without write barriers")],
)
def test_file_systems_that_keep_less_are_warned_of_by_name(system: Path, directory: str, warning: str) -> None:
    (said,) = check_file_system(Path(directory), Durability.DISK, system)
    assert warning in said


def test_a_journaled_local_file_system_is_taken_without_a_word(system: Path) -> None:
    assert check_file_system(Path("/data/spool"), Durability.DISK, system) == []
    assert check_file_system(Path("/var/spool"), Durability.DISK, system) == []


@pytest.mark.parametrize(
    ("directory", "durability", "is_so"),
    [
        ("/data/spool", Durability.DISK, True),
        ("/var/spool", Durability.DISK, True),
        ("/old disk/spool", Durability.DISK, False),
        ("/data/spool", Durability.OS, False),
    ],
)
def test_zeros_are_made_ahead_where_they_help(
    system: Path, directory: str, durability: Durability, is_so: bool
) -> None:
    assert overwrites_in_place(Path(directory), durability, system) is is_so


def test_ext4_without_a_journal_is_told_apart(system: Path) -> None:
    (system / "proc/fs/jbd2/sda1-8").rmdir()
    (said,) = check_file_system(Path("/var/spool"), Durability.DISK, system)
    assert "ext4 without a journal" in said


def _too_many_open_files(*_: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def _disk_full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
