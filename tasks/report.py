"""Settle an export, and have that told."""

from prefect import task

from gateway.exports.settlement import Settlement
from tasks.exports import export_run
from tasks.retrying import RETRIED


@task(name="report", task_run_name="report", timeout_seconds=120, **RETRIED)
def report_export(export_id: str, fencing_token: int) -> Settlement:
    """Settle: the dispatcher publishes `md.export.complete`, which is kept in the same commit."""
    return export_run(export_id, fencing_token).settle()
