"""The progress that a run's page shows is worth no run."""

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from structlog.testing import capture_logs

from tasks.progress import RunProgress
from tests.peers.ports import free_port


@pytest.mark.filterwarnings("ignore:Artifact creation outside of a flow or task run")
def test_work_goes_on_while_prefect_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.progress._FIRST_AFTER_SECONDS", 0)
    away = {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    progress = RunProgress("upload-1", "Upload, bytes", total_bytes=100)
    with temporary_settings(away), capture_logs() as said:
        progress(50)
        progress.finished()
    assert [(entry["event"], entry["reason"]) for entry in said] == [("progress not shown", "ConnectError")]
