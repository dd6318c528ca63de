"""Bring what is to be sent from the object store to this node."""

from prefect import task

from gateway.object_store import open_object_store
from tasks.export_surroundings import area_of, export_run
from tasks.retrying import RETRIED
from tasks.surroundings import settings


@task(name="fetch", task_run_name="fetch", timeout_seconds=24 * 3600, **RETRIED)
def fetch_files(export_id: str, epoch: int) -> None:
    """Fetch each file that a destination misses which may be tried now, into the run's working area."""
    store, reserve_bytes = open_object_store(settings()), settings().spool.reserve_bytes
    export_run(export_id, epoch).fetch(store, area_of(export_id, epoch), reserve_bytes)
