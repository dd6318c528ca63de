"""Bring a payload into the object store."""

from prefect import task

from gateway.object_store import open_object_store
from gateway.storing import PayloadUpload
from tasks.progress import RunProgress
from tasks.retrying import RETRIED
from tasks.surroundings import door, read_payload, settings


@task(name="upload", task_run_name="upload", timeout_seconds=24 * 3600, **RETRIED)
def upload_payload(payload_id: str) -> int:
    """Store each instance and its model, verified; return how many objects had to be sent."""
    payload = read_payload(payload_id)
    progress = RunProgress(f"upload-{payload_id}", "Upload, bytes", payload.bytes)
    upload = PayloadUpload(open_object_store(settings()), door(), payload)
    sent = upload.run(settings().object_store.uploads_at_once, progress)
    progress.finished()
    return sent
