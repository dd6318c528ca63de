"""Give back the spool's room."""

from uuid import UUID

from prefect import task

from tasks.retrying import RETRIED
from tasks.surroundings import door, read_payload


@task(name="clear", task_run_name="clear", timeout_seconds=3600, **RETRIED)
def clear_payload(payload_id: str) -> None:
    """Mark an announced payload as done, then delete its files. One that is gone already is no error."""
    if door().state(UUID(payload_id)) is not None:
        payload = read_payload(payload_id)
        door().finish(payload.payload_id)
        door().remove(payload)
