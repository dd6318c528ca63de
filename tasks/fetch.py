"""Bring what is to be sent from the object store to this node."""

from prefect import task

from tasks.exports import area_of, export_run
from tasks.node import node
from tasks.retrying import RETRIED


@task(name="fetch", task_run_name="fetch", timeout_seconds=24 * 3600, **RETRIED)
def fetch_files(export_id: str, fencing_token: int, positions: list[int]) -> None:
    """Fetch each file that a destination at one of these positions misses into the run's working area."""
    here, area = node(), area_of(export_id, fencing_token)
    export_run(export_id, fencing_token).fetch(positions, here.object_store, area, here.settings.spool.reserve_bytes)
