"""A whole site on this machine: `mig up` with RabbitMQ, MinIO, and Prefect on the database that is named."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from bench.receivers import Receiver
from tests.deployments.up.gateway import Gateway
from tests.gateway.events.conftest import settings_for
from tests.peers import minio, postgresql, prefect_server, rabbitmq
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.waiting import wait_until

QUIET_SECONDS = 1.0
_KEY = "md.workflow.request"
_PAGE = 200

Database = Literal["SQLite", "PostgreSQL"]


@dataclass(frozen=True, slots=True)
class Site:
    """The gateway with its Prefect and its broker. A study is closed when it was quiet for `QUIET_SECONDS`."""

    gateway: Gateway
    api_url: str
    broker: RabbitMQ
    virtual_host: str

    @property
    def receiver(self) -> Receiver:
        """Where studies are sent to."""
        return Receiver("MIG", self.gateway.dicom_port, self.gateway.server)

    def announced(self, count: int) -> list[UUID]:
        """Wait until so many payloads were announced, and return their ids."""
        messages = self.broker.messages(self.virtual_host, _KEY, count, timeout_seconds=60)
        assert len(messages) == count, f"{count - len(messages)} payloads were not announced within 60 s of the others"
        return [UUID(json.loads(message.body)["payload_id"]) for message in messages]

    def logged(self, text: str) -> datetime:
        """When the first line with this text was logged."""
        line = self.gateway.wait_for_log(re.escape(text))
        return datetime.fromisoformat(line.split()[0]).astimezone(UTC)

    def finished_runs(self, payload_ids: list[UUID]) -> list[FlowRun]:
        """Wait until the run of each payload is Completed, and return them."""
        wanted = set(map(str, payload_ids))

        def completed() -> list[FlowRun]:
            runs = [run for run in self._latest_runs(len(wanted)) if run.parameters.get("payload_id") in wanted]
            return runs if len(runs) == len(wanted) and all(run.state_name == "Completed" for run in runs) else []

        return wait_until(completed, 60, "every run to be Completed")

    def _latest_runs(self, count: int) -> Iterator[FlowRun]:
        with SyncPrefectClient(self.api_url) as client:
            for offset in range(0, count, _PAGE):
                yield from client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_PAGE, offset=offset)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a site needs beside it."""

    store: MinIO
    broker: RabbitMQ


@contextmanager
def surroundings(directory: Path) -> Iterator[Surroundings]:
    """MinIO and RabbitMQ."""
    with minio.running(directory / "minio") as store, rabbitmq.running(directory / "rabbitmq") as broker:
        yield Surroundings(store, broker)


@contextmanager
def open_site(directory: Path, database: Database, around: Surroundings) -> Iterator[Site]:
    """The site with everything started."""
    events = settings_for(around.broker)
    around.broker.bind_queue(events.virtual_host, events.exchange, _KEY)
    settings = _settings(around) | {"MIG_EVENTS": events_settings(around.broker, events.virtual_host)}
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
        yield Site(gateway, api_url, around.broker, events.virtual_host)


def events_settings(broker: RabbitMQ, virtual_host: str) -> str:
    """The section `events`, as the environment has it."""
    return json.dumps({"kind": "rabbitmq", "host": broker.host, "port": broker.port, "virtual_host": virtual_host})


def _settings(around: Surroundings) -> dict[str, str]:
    object_store = {
        "kind": "s3",
        "endpoint": around.store.endpoint,
        "bucket": around.store.new_bucket(),
        "access_key": around.store.access_key,
        "secret_key": around.store.secret_key,
        "secure": False,
    }
    return {
        "MIG_OBJECT_STORE": json.dumps(object_store),
        "MIG_APPLICATION_ENTITIES": json.dumps([{"ae_title": "MIG", "timeout_seconds": QUIET_SECONDS}]),
        "MIG_SCP__REJECT_UNKNOWN_SOURCES": "false",
    }
