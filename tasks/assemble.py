"""Make a payload ready to be stored."""

from gateway.payloads.assembly import assemble
from gateway.payloads.report import verified_line
from tasks.payloads import Claim, held_payload
from tasks.phase import phase
from tasks.progress import RunProgress
from tasks.run_log import say


@phase("assemble", timeout_seconds=4 * 3600)
def assemble_payload(claim: Claim) -> None:
    """Check the files against the payload's record."""
    mine = held_payload(claim)
    progress = RunProgress(f"assemble-{mine.payload.payload_id}", "Files verified, bytes", mine.payload.bytes)
    assemble(mine.files, mine.payload, progress)
    progress.finished()
    say(verified_line(mine.payload))
