"""What is peculiar to the local directory."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from crc32c import crc32c

from gateway.config import load_settings
from gateway.errors import Damaged, StoreRefused, StoreUnavailable
from gateway.object_store import open_object_store
from gateway.object_store.local import LocalObjectStore
from tests.gateway.object_store.uploads import upload


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "some" / "new" / "directory"


@pytest.fixture
def store(root: Path) -> LocalObjectStore:
    return LocalObjectStore(root, "monaideploy")


def test_an_object_is_a_plain_file(store: LocalObjectStore, root: Path) -> None:
    store.put(upload("p/dcm/a.dcm", b"a slice"))
    assert (root / "monaideploy/p/dcm/a.dcm").read_bytes() == b"a slice"
    assert [path.name for path in (root / "monaideploy").rglob("*") if path.is_file()] == ["a.dcm"]


def test_threads_put_and_remove_side_by_side_where_empty_directories_are_removed(store: LocalObjectStore) -> None:
    def put_and_remove(n: int) -> None:
        for _ in range(100):  # one put in four hundred failed, where another had just removed the directory
            store.put(upload(f"p/q/{n}"))
            store.remove(f"p/q/{n}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put_and_remove, range(4)))
    assert list(store.list("")) == []


def test_nobody_but_its_owner_and_group_reads_an_object(store: LocalObjectStore, root: Path) -> None:
    store.put(upload("p/a.dcm"))
    assert (root / "monaideploy/p/a.dcm").stat().st_mode & 0o777 == 0o640
    assert (root / "monaideploy/p").stat().st_mode & 0o777 == 0o750


def test_what_is_known_of_an_object_lies_beside_the_bucket(store: LocalObjectStore, root: Path) -> None:
    store.put(upload("p/a.dcm", b"a slice", {"FILESOURCE": "CT 01 ü"}))
    assert json.loads((root / ".monaideploy/about/p/a.dcm.json").read_bytes()) == {
        "bytes": 7,
        "crc32c": f"{crc32c(b'a slice'):08x}",
        "content_type": "application/dicom",
        "metadata": {"FILESOURCE": "CT 01 ü"},
    }


def test_without_a_path_it_lies_in_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_object_store(load_settings().settings).put(upload("a"))
    assert (tmp_path / "var/objects/monaideploy/a").is_file()


def test_a_copy_of_the_directory_is_a_whole_store(store: LocalObjectStore, root: Path, tmp_path: Path) -> None:
    stored = store.put(upload("p/a.dcm"))
    subprocess.run(["cp", "-r", root, tmp_path / "copy"], check=True)
    assert LocalObjectStore(tmp_path / "copy", "monaideploy").stat("p/a.dcm") == stored


def test_bytes_that_rotted_are_not_fetched(store: LocalObjectStore, root: Path, tmp_path: Path) -> None:
    store.put(upload("a", b"as stored"))
    (root / "monaideploy/a").write_bytes(b"as STored")
    with pytest.raises(Damaged, match="a: the checksum of what was read is not that of what was stored"):
        store.fetch("a", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_file_that_somebody_put_there_is_an_object_without_checksum(store: LocalObjectStore, root: Path) -> None:
    store.put(upload("a", b"ours"))
    (root / "monaideploy/a").write_bytes(b"not ours")
    found = store.stat("a")
    assert found is not None
    assert (found.bytes, found.crc32c) == (8, None)


def test_a_put_that_is_killed_leaves_no_object_and_is_tidied_up_a_day_later(root: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from gateway.object_store.local import LocalObjectStore
from gateway.object_store import Upload
class Fatal:
    def read(self, size):
        os.kill(os.getpid(), signal.SIGKILL)
LocalObjectStore(Path({str(root)!r}), "monaideploy").put(Upload("a", Fatal, 9, 0, "text/plain"))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    (abandoned,) = (root / ".monaideploy/writing").iterdir()
    LocalObjectStore(root, "monaideploy").check()
    assert abandoned.exists()  # it may be another process's
    a_day_ago = time.time() - 24 * 3600 - 1
    os.utime(abandoned, (a_day_ago, a_day_ago))
    store = LocalObjectStore(root, "monaideploy")
    store.check()
    assert not abandoned.exists()
    assert list(store.list("")) == []


def test_a_replaced_object_is_never_seen_with_the_checksum_of_the_old_one(store: LocalObjectStore, root: Path) -> None:
    """Killed between the object's name and what is said of it, it has no checksum, and is sent again."""
    store.put(upload("a", b"first"))
    (root / ".monaideploy/about/a.json").unlink()
    (root / ".monaideploy/about/a.json").mkdir()  # so that the second write fails
    with pytest.raises(StoreRefused):
        store.put(upload("a", b"other"))
    assert (root / "monaideploy/a").read_bytes() in (b"first", b"other")
    (root / ".monaideploy/about/a.json").rmdir()
    found = store.stat("a")
    assert found is not None
    assert found.crc32c is None


def test_a_full_disk_is_unavailable_and_leaves_nothing(store: LocalObjectStore, root: Path) -> None:
    store.check()
    with file_size_limit(100_000), pytest.raises(StoreUnavailable, match="has no room left"):
        store.put(upload("a", bytes(1_000_000)))
    assert store.stat("a") is None
    assert list((root / ".monaideploy/writing").iterdir()) == []


def test_a_directory_that_is_a_file_is_refused(root: Path) -> None:
    root.parent.mkdir(parents=True)
    root.write_text("a file")
    store = LocalObjectStore(root, "monaideploy")
    for attempt in (store.check, lambda: store.put(upload("a"))):
        with pytest.raises(StoreRefused, match="can't be used: "):
            attempt()


def test_a_key_below_an_object_is_refused(store: LocalObjectStore) -> None:
    store.put(upload("a"))
    assert store.stat("a/b") is None
    with pytest.raises(StoreRefused):
        store.put(upload("a/b"))


def test_emptied_directories_go_with_their_last_object(store: LocalObjectStore, root: Path) -> None:
    store.put(upload("p/1/a.dcm"))
    store.put(upload("p/2/a.dcm"))
    store.remove("p/1/a.dcm")
    assert sorted(path.name for path in (root / "monaideploy/p").iterdir()) == ["2"]
    store.remove("p/2/a.dcm")
    assert list((root / "monaideploy").iterdir()) == list((root / ".monaideploy/about").iterdir()) == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """As on a full disk, no file may grow beyond `size`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
