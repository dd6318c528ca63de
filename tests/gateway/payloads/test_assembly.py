"""From a closed payload to objects that are verified: what is checked, what is made, what is sent again."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydicom import dcmread

from gateway.dicom.part10 import FileMeta
from gateway.disk.durable import Durability
from gateway.errors import Damaged, StoreUnavailable
from gateway.object_store import ObjectStore, StoredObject, Upload
from gateway.object_store.local import LocalObjectStore
from gateway.payloads.assembly import assemble
from gateway.payloads.payload import Payload
from gateway.payloads.storing import PayloadUpload
from gateway.receiving.reception import Reception
from gateway.spool.instance_reader import open_instance
from tests.gateway.dicom.test_scanner import data_set_bytes
from tests.gateway.receiving.scene import Scene
from tests.samples import SAMPLES, sample


def nothing(_: int) -> None:
    """Nobody watches."""


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "spool")


@pytest.fixture
def store(tmp_path: Path) -> LocalObjectStore:
    return LocalObjectStore(tmp_path / "objects", "monaideploy")


@pytest.fixture
def payload(spool: Scene) -> Payload:
    """A closed payload of three instances."""
    sender = spool.associate()
    for number in range(3):
        sender.send(sop=f"1.2.3.{number}")
    sender.end()
    (payload,) = spool.pass_time(5)
    return payload


def objects(store: ObjectStore) -> list[str]:
    return [stored.key for stored in store.list("")]


def test_every_instance_lies_in_the_store_beside_its_model(
    spool: Scene, store: LocalObjectStore, payload: Payload, tmp_path: Path
) -> None:
    assemble(spool.area, payload, nothing)
    assert PayloadUpload(store, spool.area, payload).run(2, nothing) == 6
    prefix = f"{payload.payload_id}/dcm/1.2.1/1.2.2/1.2.3"
    assert objects(store) == [f"{prefix}.{n}.dcm{end}" for n in range(3) for end in ("", ".json")]
    store.fetch(f"{prefix}.0.dcm", tmp_path / "back.dcm")
    assert (tmp_path / "back.dcm").read_bytes() == spool.stored_bytes(payload.instances[0])
    store.fetch(f"{prefix}.0.dcm.json", tmp_path / "back.json")
    assert json.loads((tmp_path / "back.json").read_text())["00080018"]["Value"] == ["1.2.3.0"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_real_instance_is_stored_with_the_data_set_that_was_sent(
    spool: Scene, store: LocalObjectStore, tmp_path: Path, name: str
) -> None:
    theirs = dcmread(sample(name), stop_before_pixels=True)
    sent = data_set_bytes(sample(name).read_bytes())
    sender = spool.associate()
    syntax = str(theirs.file_meta.TransferSyntaxUID)
    meta = FileMeta(str(theirs.SOPClassUID), str(theirs.SOPInstanceUID), syntax, "CT01", "MIG")
    with closing(Reception(sender.intake, sender.entity, meta).open()) as reception:
        reception.write(memoryview(sent))
        instance = reception.commit()
    sender.end()
    (payload,) = spool.pass_time(5)
    assemble(spool.area, payload, nothing)
    PayloadUpload(store, spool.area, payload).run(1, nothing)
    store.fetch(f"{payload.payload_id}/{instance.path}", tmp_path / "back.dcm")
    assert data_set_bytes((tmp_path / "back.dcm").read_bytes()) == sent
    assert dcmread(tmp_path / "back.dcm").file_meta.TransferSyntaxUID == syntax


def test_a_file_that_is_not_what_was_received_stops_the_payload_and_stays(spool: Scene, payload: Payload) -> None:
    path = spool.area.root / payload.instances[1].file
    torn = path.read_bytes()[:-1] + b"?"
    path.write_bytes(torn)
    with pytest.raises(Damaged, match="1 of 3 files are not what was received"):
        assemble(spool.area, payload, nothing)
    assert path.read_bytes() == torn
    path.unlink()
    with pytest.raises(Damaged, match="1 of 3"):
        assemble(spool.area, payload, nothing)


class FailingStore:
    """A store that fails its `fails_at`th put, and counts what it is asked."""

    def __init__(self, store: LocalObjectStore, fails_at: int) -> None:
        self._store = store
        self._fails_at = fails_at
        self.puts: list[str] = []
        self.stats: list[str] = []

    @property
    def bucket(self) -> str:
        return self._store.bucket

    def put(self, upload: Upload) -> StoredObject:
        self.puts.append(upload.key)
        if len(self.puts) == self._fails_at:
            raise StoreUnavailable("the object store is away")
        return self._store.put(upload)

    def stat(self, key: str) -> StoredObject | None:
        self.stats.append(key)
        return self._store.stat(key)

    def fetch(self, key: str, to: Path, durability: Durability = Durability.DISK) -> StoredObject:
        return self._store.fetch(key, to, durability)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return self._store.list(prefix)

    def remove(self, key: str) -> None:
        self._store.remove(key)

    def check(self) -> None:
        self._store.check()


def test_a_repeated_upload_sends_only_what_is_missing(spool: Scene, store: LocalObjectStore, payload: Payload) -> None:
    assemble(spool.area, payload, nothing)
    failing = FailingStore(store, fails_at=4)
    with pytest.raises(StoreUnavailable):
        PayloadUpload(failing, spool.area, payload).run(1, nothing)
    assert failing.stats == [], "a first run asks for nothing"
    stored = set(objects(store))
    again = FailingStore(store, fails_at=0)
    PayloadUpload(again, spool.area, payload).run(1, nothing)
    assert set(again.puts) == set(objects(store)) - stored


def test_an_object_with_other_bytes_is_sent_again(spool: Scene, store: LocalObjectStore, payload: Payload) -> None:
    assemble(spool.area, payload, nothing)
    PayloadUpload(store, spool.area, payload).run(1, nothing)
    key = objects(store)[0]
    store.remove(key)
    assert PayloadUpload(store, spool.area, payload).run(1, nothing) == 1


def test_progress_counts_every_byte_once(spool: Scene, store: LocalObjectStore, payload: Payload) -> None:
    seen: list[int] = []
    assemble(spool.area, payload, nothing)
    PayloadUpload(store, spool.area, payload).run(2, seen.append)
    assert sum(seen) == payload.bytes


def test_a_finished_payload_leaves_nothing_behind(spool: Scene, store: LocalObjectStore, payload: Payload) -> None:
    assemble(spool.area, payload, nothing)
    PayloadUpload(store, spool.area, payload).run(1, nothing)
    spool.area.finish(payload.payload_id)
    spool.area.remove(payload)
    left = [path for path in spool.area.root.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"owner.lock", "closed-keys"}


def test_an_instance_reads_with_its_preamble_zeroed_from_anywhere(spool: Scene, payload: Payload) -> None:
    path = spool.area.root / payload.instances[0].file
    whole = spool.stored_bytes(payload.instances[0])
    for start in (0, 1, 127, 128, 129, 300):
        with open_instance(path) as file:
            file.seek(start)
            assert file.read(7) + file.read() == whole[start:]
