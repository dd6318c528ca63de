"""From the POST of an inference request to `md.workflow.request`, split into its phases, and the memory of its run."""

import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient

from bench.site import Database, Site, open_site, surroundings
from gateway.inference.identity import request_id
from tests.gateway.retrieval.scene import study_of
from tests.waiting import wait_until

PHASES = {
    "accept": "POST → 200, durable",
    "dispatch": "200 → run asked for",
    "start": "run asked for → Running",
    "query": "QIDO-RS: the study, its instances",
    "retrieve": "WADO-RS to disk, verified and indexed",
    "assemble": "files verified, DICOM JSON made",
    "upload": "two objects for each instance, verified",
    "notify": "published, confirmed, at the consumer",
}
_ORDER = ("query", "retrieve", "assemble", "upload")


def measure(directory: Path, url: str, study: str, rounds: int, say: Callable[[str], None]) -> list[str]:
    """Return the rows of a Markdown table: seconds of each phase, the median of all rounds."""
    columns: dict[str, list[list[float]]] = {}
    databases: tuple[Database, ...] = ("SQLite", "PostgreSQL")
    with surroundings(directory) as around:
        for database in databases:
            with open_site(directory / database, database, around) as site:
                _round(site, url, study)  # everything is warm from here on
                column = columns.setdefault(f"Prefect on {database}", [])
                for number in range(rounds):
                    say(f"round {number + 1} of {rounds}: request → event, Prefect on {database}")
                    column.append(_round(site, url, study))
    return _table(columns)


def _round(site: Site, url: str, study: str) -> list[float]:
    """Ask for the study under a new transaction; return the seconds of each phase."""
    transaction = str(uuid4())
    posted = datetime.now(UTC)
    address = f"http://127.0.0.1:{site.gateway.http_port}/inference"
    request = study_of(url, study) | {"transactionID": transaction}
    httpx.post(address, json=request, trust_env=False, timeout=30).raise_for_status()
    accepted = datetime.now(UTC)
    site.announced(1)
    received = datetime.now(UTC)
    moments = [posted, accepted, *_run_moments(site, str(request_id(transaction))), received]
    return [max((after - before).total_seconds(), 0.0) for before, after in pairwise(moments)]


def _run_moments(site: Site, request: str) -> list[datetime]:
    """When the run was made, was Running, and when its tasks but the last had ended."""
    with SyncPrefectClient(site.api_url) as client:

        def ended() -> bool:
            return all(run.state_name == "Completed" for run in client.read_flow_runs())

        wait_until(ended, 60, "every run to be Completed")
        (run,) = [run for run in client.read_flow_runs() if run.parameters == {"request_id": request}]
        ends = {task.name: task.end_time for task in client.read_task_runs() if task.flow_run_id == run.id}
    moments = [run.created, run.start_time, *(ends[name] for name in _ORDER)]
    return [moment for moment in moments if moment]


def _table(columns: dict[str, list[list[float]]]) -> list[str]:
    rows = [f"| phase | {' | '.join(columns)} | what happens |", f"| --- |{' ---: |' * len(columns)} --- |"]
    for number, (phase, meaning) in enumerate(PHASES.items()):
        medians = (statistics.median(each[number] for each in rounds) for rounds in columns.values())
        rows.append(f"| {phase} | {' | '.join(f'{median:.2f} s' for median in medians)} | {meaning} |")
    totals = (statistics.median(map(sum, rounds)) for rounds in columns.values())
    rows.append(f"| **request → event** | {' | '.join(f'**{total:.2f} s**' for total in totals)} | |")
    return rows
