"""Give back the spool's room."""

from uuid import UUID

from tasks.node import node
from tasks.payloads import Claim, held_on_spool, read_payload
from tasks.phase import phase


@phase("clear", timeout_seconds=3600)
def clear_payload(payload_id: str, claim: Claim | None = None) -> None:
    """Mark an announced payload as done, then delete its files. One that is gone already is no error.

    Without a `claim` it was announced before, by whomever.
    """
    received = node().received
    if received.state(UUID(payload_id)) is None:
        return
    payload = read_payload(payload_id)
    if claim:
        with held_on_spool(claim).guarding():
            received.finish(payload.payload_id)
    received.remove(payload)
