"""Make a payload ready to be stored."""

from prefect import task

from gateway.payloads.assembly import assemble
from tasks.progress import RunProgress
from tasks.retrying import RETRIED
from tasks.surroundings import custody


@task(name="assemble", task_run_name="assemble", timeout_seconds=4 * 3600, **RETRIED)
def assemble_payload(payload_id: str, epoch: int | None = None) -> None:
    """Check the files against the payload's record."""
    mine = custody(payload_id, epoch)
    progress = RunProgress(f"assemble-{payload_id}", "Files verified, bytes", mine.payload.bytes)
    assemble(mine.place, mine.payload, progress)
    progress.finished()
