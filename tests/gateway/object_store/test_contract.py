"""What every object store promises."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crc32c import crc32c

from gateway.errors import Damaged, NoSuchObject, StoreRefused
from gateway.object_store import ObjectStore, StoredObject, Upload
from tests.gateway.object_store.uploads import upload, upload_of

MEGABYTE = 1_000_000


def test_what_was_put_is_fetched_byte_for_byte(store: ObjectStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    stored = store.put(upload("payload/a.dcm", content))
    fetched = store.fetch("payload/a.dcm", tmp_path / "a.dcm")
    assert (tmp_path / "a.dcm").read_bytes() == content
    assert fetched == stored == StoredObject("payload/a.dcm", len(content), crc32c(content))


def test_an_empty_object_is_an_object(store: ObjectStore, tmp_path: Path) -> None:
    store.put(upload("empty", b""))
    assert store.stat("empty") == StoredObject("empty", 0, 0)
    store.fetch("empty", tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""


def test_stat_tells_a_repeated_run_that_its_object_is_stored(store: ObjectStore) -> None:
    first = upload("payload/a.dcm", b"a slice")
    store.put(first)
    found = store.stat("payload/a.dcm")
    assert found is not None
    assert found.is_same_as(first)
    assert not found.is_same_as(upload("payload/a.dcm", b"another"))


def test_stat_of_what_is_not_there_is_none(store: ObjectStore) -> None:
    store.put(upload("payload/dcm/a.dcm"))
    assert store.stat("payload/dcm/b.dcm") is None
    assert store.stat("payload/dcm") is None


def test_a_second_put_replaces_the_first(store: ObjectStore, tmp_path: Path) -> None:
    store.put(upload("a", b"first"))
    store.put(upload("a", b"the second"))
    assert store.stat("a") == StoredObject("a", 10, crc32c(b"the second"))
    store.fetch("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"the second"


def test_a_file_that_changed_since_it_was_received_is_not_stored(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "5.6.dcm"
    file.write_bytes(b"as received")
    promised = upload_of(file)
    file.write_bytes(b"as REceived")
    with pytest.raises(Damaged, match="checksum"):
        store.put(promised)
    assert store.stat(promised.key) is None


def test_a_file_that_was_cut_is_not_stored(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "5.6.dcm"
    file.write_bytes(b"as received")
    promised = upload_of(file)
    file.write_bytes(b"as rec")
    with pytest.raises(Damaged, match="5 bytes too soon"):
        store.put(promised)
    assert store.stat(promised.key) is None


def test_a_file_that_is_gone_is_damage(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="No such file"):
        store.put(Upload("a", (tmp_path / "gone").open, 7, 0, "application/dicom"))  # type: ignore[arg-type]


def test_a_reader_that_gives_few_bytes_at_a_time_is_read_to_its_end(store: ObjectStore) -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(3, 3 if size is None else size))

    content = b"drop by drop"
    stored = store.put(Upload("a", lambda: Dripping(content), len(content), crc32c(content), "text/plain"))
    assert store.stat("a") == stored


def test_a_failed_put_leaves_what_was_there(store: ObjectStore, tmp_path: Path) -> None:
    store.put(upload("a", b"whole"))
    with pytest.raises(Damaged):
        store.put(Upload("a", lambda: io.BytesIO(b"other"), 5, 1, "text/plain"))
    assert store.fetch("a", tmp_path / "a").crc32c == crc32c(b"whole")


def test_a_listing_is_sorted_by_whole_keys(store: ObjectStore) -> None:
    keys = ["p/a-b.dcm", "p/a.dcm", "p/a/b.dcm", "p/a0.dcm", "p/b/c/d.dcm", "q/a.dcm"]
    for key in reversed(keys):
        store.put(upload(key))
    assert [found.key for found in store.list("")] == keys
    assert [found.key for found in store.list("p/")] == keys[:5]


def test_a_listing_takes_any_prefix(store: ObjectStore) -> None:
    for key in ("p/1.2/a.dcm", "p/1.25/a.dcm", "p/1.3/a.dcm"):
        store.put(upload(key, b"slice"))
    assert [found.key for found in store.list("p/1.2")] == ["p/1.2/a.dcm", "p/1.25/a.dcm"]
    assert list(store.list("p/1.2/")) == [StoredObject("p/1.2/a.dcm", 5, None)]
    assert list(store.list("nothing/")) == []
    assert list(store.list("p/../")) == []


def test_what_was_removed_is_gone_and_may_be_removed_again(store: ObjectStore) -> None:
    store.put(upload("p/a.dcm"))
    store.remove("p/a.dcm")
    store.remove("p/a.dcm")
    assert store.stat("p/a.dcm") is None
    assert list(store.list("")) == []


def test_an_object_that_is_not_there_cannot_be_fetched(store: ObjectStore, tmp_path: Path) -> None:
    store.put(upload("a"))
    with pytest.raises(NoSuchObject, match="no object p/b"):
        store.fetch("p/b", tmp_path / "fetched")
    assert not list(tmp_path.glob("*fetched*"))


def test_fetching_replaces_a_file_only_by_a_whole_one(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(NoSuchObject):
        store.fetch("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb", "a" * 1025, "\ud800"]
)
def test_a_key_that_could_leave_the_bucket_is_refused(store: ObjectStore, key: str, tmp_path: Path) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: store.put(upload(key)),
        lambda: store.stat(key),
        lambda: store.fetch(key, tmp_path / "stolen"),
        lambda: store.remove(key),
    ]
    for attempt in attempts:
        with pytest.raises(StoreRefused, match="takes no object under the key"):
            attempt()


def test_keys_are_taken_as_they_are(store: ObjectStore) -> None:
    keys = ["p/100% of it?#&+=.dcm", "p/é漢.dcm"]
    for key in keys:
        store.put(upload(key))
    assert [found.key for found in store.list("p/")] == keys


def test_any_text_may_be_metadata(store: ObjectStore) -> None:
    stored = store.put(upload("a", metadata={"FILESOURCE": "CT\r\nX-Evil: 1 é", "WORKFLOWS": "one, two ,"}))
    assert store.stat("a") == stored


def test_threads_share_a_store(store: ObjectStore) -> None:
    uploads = [upload(f"payload/{n % 7}/{n}.dcm", bytes([n]) * 50_000) for n in range(60)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(store.put, uploads))
    assert [store.stat(each.key) for each in uploads] == stored
    assert len(list(store.list("payload/"))) == 60


def test_a_store_that_can_be_used_passes_its_check(store: ObjectStore) -> None:
    store.check()
