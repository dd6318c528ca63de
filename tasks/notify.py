"""Tell the workflow manager that a payload is ready."""

from contextlib import closing

from prefect import task

from gateway.events import open_publisher
from gateway.payloads.workflow_request import workflow_request
from tasks.retrying import RETRIED
from tasks.surroundings import custody, settings


@task(name="notify", task_run_name="notify", timeout_seconds=120, **RETRIED)
def announce_payload(payload_id: str, epoch: int | None = None) -> None:
    """Publish `md.workflow.request`; done only when the broker has confirmed it. Repeats carry the same ids."""
    message = workflow_request(custody(payload_id, epoch).payload, settings().object_store.bucket)
    with closing(open_publisher(settings())) as publisher:
        publisher.publish(message)
