"""Make a received payload ready to be stored."""

from prefect import task

from gateway.assembly import assemble
from tasks.progress import RunProgress
from tasks.retrying import RETRIED
from tasks.surroundings import door, read_payload


@task(name="assemble", task_run_name="assemble", timeout_seconds=4 * 3600, **RETRIED)
def assemble_payload(payload_id: str) -> None:
    """Check the manifest against the files, and make the DICOM JSON Model of every instance."""
    payload = read_payload(payload_id)
    progress = RunProgress(f"assemble-{payload_id}", "Instances verified, bytes", payload.bytes)
    assemble(door(), payload, progress)
    progress.finished()
