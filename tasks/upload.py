"""Bring a payload into the object store."""

from prefect import task

from gateway.object_store import open_object_store
from gateway.payloads.storing import PayloadUpload
from tasks.progress import RunProgress
from tasks.retrying import RETRIED
from tasks.surroundings import custody, settings


@task(name="upload", task_run_name="upload", timeout_seconds=24 * 3600, **RETRIED)
def upload_payload(payload_id: str, epoch: int | None = None) -> int:
    """Store each file and each model, verified; return how many objects had to be sent."""
    mine = custody(payload_id, epoch)
    progress = RunProgress(f"upload-{payload_id}", "Upload, bytes", mine.payload.bytes)
    upload = PayloadUpload(open_object_store(settings()), mine.place, mine.payload)
    sent = upload.run(settings().object_store.uploads_at_once, progress)
    if epoch and epoch > 1:  # an earlier holder may have stored what the archive no longer has
        upload.remove_others()
    progress.finished()
    return sent
