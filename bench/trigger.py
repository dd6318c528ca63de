"""From a trigger to a run that is Running: what Prefect and the worker take before a flow's first line."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient

from bench.scene import Scene
from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess
from tests.peers import postgresql, prefect_server
from tests.waiting import wait_until

RUNS = 30
FLOW = "example-trivial/trivial"


def table(scene: Scene) -> list[str]:
    """Return the rows of a Markdown table: seconds from the trigger to Running, one run after the other, warm."""
    rows = ["| Prefect on | p50 | p95 |", "| --- | ---: | ---: |"]
    for database in ("SQLite", "PostgreSQL"):
        scene.say(f"{RUNS} runs, Prefect on {database}")
        with (
            scene.fresh(f"trigger-{database}") as directory,
            _prefect(directory, database) as api_url,
            SyncPrefectClient(api_url) as client,
        ):
            worker = WorkerProcess(directory, api_url, "bench", {}).start()
            try:
                waits = sorted(_seconds_until_running(worker, Operator(client)) for _ in range(RUNS + 1))[:-1]
            finally:
                worker.server.stop()
        rows.append(f"| {database} | {statistics.median(waits):.2f} s | {waits[int(RUNS * 0.95)]:.2f} s |")
    return rows


def _seconds_until_running(worker: WorkerProcess, operator: Operator) -> float:
    triggered = datetime.now(UTC)
    run_id = operator.trigger(FLOW)
    wait_until(lambda: f"run_id={run_id} exit_code=0" in worker.log, 20, "the run's child to end")
    running = next(state for state in operator.history(run_id) if state.name == "Running")
    return (running.timestamp - triggered).total_seconds()


@contextmanager
def _prefect(directory: Path, database: str) -> Iterator[str]:
    if database == "SQLite":
        with prefect_server.running(directory / "prefect") as server:
            yield server.api_url
        return
    with postgresql.running() as host:
        url = host.url(host.new_database(), "asyncpg")
        with prefect_server.running(directory / "prefect", url) as server:
            yield server.api_url
