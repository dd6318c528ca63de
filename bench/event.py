"""From the last slice to `md.workflow.request`, split into its phases, with RabbitMQ and MinIO on this machine."""

import json
import os
import re
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

from prefect.client.orchestration import SyncPrefectClient

from bench.receivers import NO_DELAY
from examples.ct_study import made_ct_study
from examples.made_study import write_study
from tests.deployments.up.gateway import Gateway
from tests.gateway.events.conftest import settings_for
from tests.peers import minio, postgresql, prefect_server, rabbitmq
from tests.peers.components import DCMTK
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.waiting import wait_until

ROUNDS = 5
SLICES = 324
TIMEOUT_SECONDS = 5.0
KEY = "md.workflow.request"

PHASES = {
    "closing": "quiet for the AE's timeout → manifest in ready/ (less the timeout)",
    "dispatch": "manifest → run asked for",
    "start": "run asked for → Running",
    "assemble": "files verified, DICOM JSON made",
    "upload": "two objects for each instance, verified",
    "notify": "published, confirmed, at the consumer",
}

Database = Literal["SQLite", "PostgreSQL"]


@dataclass(frozen=True, slots=True)
class Site:
    """The gateway with its Prefect and its broker."""

    gateway: Gateway
    api_url: str
    broker: RabbitMQ
    virtual_host: str


def measure(directory: Path, say: Callable[[str], None]) -> list[str]:
    """Return the rows of a Markdown table: seconds of each phase, the median of all rounds."""
    study = write_study(made_ct_study(SLICES), directory / "study")
    loads = {f"{SLICES} CT, 170 MB": study, "1 CT": study[:1]}
    columns: dict[str, list[list[float]]] = {}
    with minio.running(directory / "minio") as store, rabbitmq.running(directory / "rabbitmq") as broker:
        databases: tuple[Database, ...] = ("SQLite", "PostgreSQL")
        for database in databases:
            with running_site(directory / database, database, broker, store) as site:
                _round(site, study[:1])  # everything is warm from here on
                for name, files in loads.items():
                    column = columns.setdefault(f"{name}, Prefect on {database}", [])
                    for number in range(ROUNDS):
                        say(f"round {number + 1} of {ROUNDS}: {name}, Prefect on {database}")
                        column.append(_round(site, files))
    return _table(columns)


def _round(site: Site, files: list[Path]) -> list[float]:
    """Send a new study; return the seconds of each phase."""
    command = [DCMTK.file("storescu"), "--invent-series", "100000", "--invent-study", "100000", "--call", "MIG"]
    command += ["127.0.0.1", str(site.gateway.dicom_port)]
    subprocess.run(list(map(str, [*command, *files])), env=os.environ | NO_DELAY, check=True, capture_output=True)
    sent = datetime.now(UTC)
    (message,) = site.broker.messages(site.virtual_host, KEY, 1, timeout_seconds=60)
    received = datetime.now(UTC)
    payload_id = json.loads(message.body)["payload_id"]
    moments = [sent, _logged(site, f"payload ready payload={payload_id}")]
    moments += [_logged(site, f"run asked for payload={payload_id}"), *_run_moments(site, payload_id), received]
    seconds = [(after - before).total_seconds() for before, after in pairwise(moments)]
    return [seconds[0] - TIMEOUT_SECONDS, *seconds[1:]]


def _run_moments(site: Site, payload_id: str) -> list[datetime]:
    """When the run of the payload was Running, and when its first two tasks had ended."""
    with SyncPrefectClient(site.api_url) as client:

        def completed() -> bool:
            runs = client.read_flow_runs()
            return all(run.state_name == "Completed" for run in runs)

        wait_until(completed, 30, "every run to be Completed")
        (run,) = [run for run in client.read_flow_runs() if run.parameters == {"payload_id": payload_id}]
        ends = {task.name: task.end_time for task in client.read_task_runs() if task.flow_run_id == run.id}
    moments = [run.start_time, ends["assemble"], ends["upload"]]
    return [moment for moment in moments if moment]


def _logged(site: Site, text: str) -> datetime:
    line = site.gateway.wait_for_log(re.escape(text))
    return datetime.fromisoformat(" ".join(line.split()[:2])).astimezone(UTC)


def _table(columns: dict[str, list[list[float]]]) -> list[str]:
    medians = {
        name: [statistics.median(phase) for phase in zip(*rounds, strict=True)] for name, rounds in columns.items()
    }
    totals = {name: statistics.median(sum(each) for each in rounds) for name, rounds in columns.items()}
    rows = [f"| phase | {' | '.join(columns)} | what happens |", f"| --- |{' ---: |' * len(columns)} --- |"]
    for number, (phase, meaning) in enumerate(PHASES.items()):
        figures = " | ".join(f"{medians[name][number]:.2f} s" for name in columns)
        rows.append(f"| {phase} | {figures} | {meaning} |")
    figures = " | ".join(f"**{totals[name]:.2f} s**" for name in columns)
    rows.append(f"| **last instance → event** | {figures} | less the timeout |")
    return rows


@contextmanager
def running_site(directory: Path, database: Database, broker: RabbitMQ, store: MinIO) -> Iterator[Site]:
    events = settings_for(broker)
    broker.bind_queue(events.virtual_host, events.exchange, KEY)
    object_store = {
        "kind": "s3",
        "endpoint": store.endpoint,
        "bucket": store.new_bucket(),
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "secure": False,
    }
    rabbitmq_settings = {
        "kind": "rabbitmq",
        "host": broker.host,
        "port": broker.port,
        "virtual_host": events.virtual_host,
    }
    settings = {
        "MIG_OBJECT_STORE": json.dumps(object_store),
        "MIG_EVENTS": json.dumps(rabbitmq_settings),
        "MIG_SCP__REJECT_UNKNOWN_SOURCES": "false",
    }
    with ExitStack() as running:
        if database == "PostgreSQL":
            server = running.enter_context(postgresql.running())
            url = server.url(server.new_database(), "asyncpg")
            prefect = running.enter_context(prefect_server.running(directory / "prefect", url))
            settings["MIG_PREFECT__API_URL"] = prefect.api_url
        gateway = Gateway(directory / "gateway", **settings)
        running.callback(gateway.server.kill)
        gateway.start()
        api_url = settings.get("MIG_PREFECT__API_URL", gateway.api_url)
        yield Site(gateway, api_url, broker, events.virtual_host)
