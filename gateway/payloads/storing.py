"""A payload's way into the object store: two objects for each instance, one for a resource, several at a time.

The DICOM JSON Model of an instance is made when its turn comes, while others are on their way: it takes the
interpreter, and they wait for the network.
"""

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import islice

from crc32c import crc32c

from gateway.errors import InvalidDataSet
from gateway.log import Logger
from gateway.object_store import ObjectStore, Upload
from gateway.payloads.assembly import Progress
from gateway.payloads.files import PayloadFiles
from gateway.payloads.json_model import dicom_json, minimal_json
from gateway.payloads.payload import Instance, Payload, Resource, object_prefix

log = Logger(__name__)

_QUEUED_FOR_EACH = 4  # instances that wait their turn for each one that is on its way


@dataclass(frozen=True, slots=True)
class PayloadUpload:
    """What is to be stored, and where."""

    store: ObjectStore
    files: PayloadFiles
    payload: Payload

    def run(self, at_once: int, progress: Progress) -> int:
        """Store every file, and the model of every instance; return how many objects were sent.

        Where an earlier run began, the store is asked for each object before it is sent. The first failure ends what
        waits, and is raised when what is on its way has ended. `progress` is called in this thread.
        """
        sent = 0
        repeated = self._begun_before()
        with ThreadPoolExecutor(at_once) as pool:
            waiting = (pool.submit(self._store, each, repeated) for each in self.payload.files)
            try:
                for file_bytes, objects in _as_they_end(waiting, at_once * _QUEUED_FOR_EACH):
                    progress(file_bytes)
                    sent += objects
            finally:
                pool.shutdown(cancel_futures=True)
        return sent

    def remove_others(self) -> None:
        """Remove what lies below the payload's prefix and is not of it."""
        ours = {f"{object_prefix(self.payload.payload_id)}{each.path}" for each in self.payload.files}
        ours |= {f"{object_prefix(self.payload.payload_id)}{each.metadata_path}" for each in self.payload.instances}
        for stored in list(self.store.list(object_prefix(self.payload.payload_id))):
            if stored.key not in ours:
                self.store.remove(stored.key)

    def _begun_before(self) -> bool:
        mark = self.files.upload_mark(self.payload.payload_id)
        begun = mark.exists()
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        return begun

    def _store(self, each: Instance | Resource, repeated: bool) -> tuple[int, int]:
        uploads = [self._file(each)]
        if isinstance(each, Instance):
            uploads.insert(0, self._model(each))
        missing = [upload for upload in uploads if not (repeated and self._is_stored(upload))]
        for upload in missing:
            self.store.put(upload)
        return each.bytes, len(missing)

    def _is_stored(self, upload: Upload) -> bool:
        stored = self.store.stat(upload.key)
        return stored is not None and stored.is_same_as(upload)

    def _file(self, each: Instance | Resource) -> Upload:
        return Upload(
            key=object_prefix(self.payload.payload_id) + each.path,
            open=partial(self.files.open, each.file),
            bytes=each.bytes,
            crc32c=each.crc32c,
            content_type=each.content_type,
            metadata=self._metadata(each),
        )

    def _model(self, instance: Instance) -> Upload:
        model = model_of(self.files, instance)
        return Upload(
            key=object_prefix(self.payload.payload_id) + instance.metadata_path,
            open=partial(io.BytesIO, model),
            bytes=len(model),
            crc32c=crc32c(model),
            content_type="application/json",
            metadata=self._metadata(instance),
        )

    def _metadata(self, each: Instance | Resource) -> dict[str, str]:
        """The user metadata that MIG gives to its objects."""
        return {"FILESOURCE": each.origin.source, "WORKFLOWS": ",".join(self.payload.workflows)}


def model_of(files: PayloadFiles, instance: Instance) -> bytes:
    """Return the DICOM JSON Model of an instance. One that can't be read is named in the log, and stops no study."""
    try:
        return dicom_json(files.root / instance.file)
    except InvalidDataSet as error:
        log.warning("instance stored with a minimal model", file=instance.file, reason=str(error))
        return minimal_json(instance)


def _as_they_end(starting: Iterable[Future[tuple[int, int]]], at_most: int) -> Iterator[tuple[int, int]]:
    """Yield the results of futures as they end, with `at_most` begun at a time: a payload may have 20,000."""
    source = iter(starting)
    running = set(islice(source, at_most))
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        yield from [future.result() for future in done]
        running |= set(islice(source, len(done)))
