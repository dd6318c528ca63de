"""What stands in the Logs tab of a run."""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.sorting import LogSort


def run_log(client: SyncPrefectClient, run_id: UUID) -> list[str]:
    """The lines of a run, its tasks' among them, the oldest first. They arrive a moment after they were said."""
    of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id]))
    return [each.message for each in client.read_logs(of_run, sort=LogSort.TIMESTAMP_ASC)]
