"""Bring a payload into the object store."""

from gateway.payloads.report import stored_line
from gateway.payloads.storing import PayloadUpload
from tasks.node import node
from tasks.payloads import Claim, held_payload, object_location
from tasks.phase import phase
from tasks.progress import RunProgress
from tasks.run_log import say


@phase("upload", timeout_seconds=24 * 3600)
def upload_payload(claim: Claim) -> int:
    """Store each file and each model, verified; return how many objects had to be sent."""
    mine, here = held_payload(claim), node()
    progress = RunProgress(f"upload-{mine.payload.payload_id}", "Upload, bytes", mine.payload.bytes)
    upload = PayloadUpload(here.object_store, mine.files, mine.payload)
    sent = upload.run(here.settings.object_store.uploads_at_once, progress)
    if mine.may_differ:
        upload.remove_others()
    progress.finished()
    say(stored_line(mine.payload, object_location(mine.payload), sent))
    return sent
