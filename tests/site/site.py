"""A hospital's site: the gateway as `mig up`, RabbitMQ and MinIO behind a network that can fail, and modalities."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from gateway.dicom.part10 import read_head
from tests.deployments.up.gateway import Gateway
from tests.gateway.events.conftest import settings_for, wait_until_written_down
from tests.gateway.events.consumer import accept
from tests.peers.components import DCMTK
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Proxy, Toxiproxy
from tests.waiting import wait_until

ROUTING_KEY = "md.workflow.request"


@dataclass
class Site:
    """What a test plays with, and what arrived."""

    gateway: Gateway
    rabbitmq: RabbitMQ
    minio: MinIO
    to_broker: Proxy
    to_store: Proxy
    virtual_host: str
    bucket: str
    events: list[dict[str, Any]] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    stored_before: set[str] = field(default_factory=set)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def begin(self) -> None:
        """Another test begins: what was said, announced, stored and run before is none of its business."""
        self.gateway.forget()
        self.new_events(wait_seconds=0.1)
        self.events.clear()
        self.message_ids.clear()
        self.stored_before = self.stored_objects()
        self.began = datetime.now(UTC)

    def runs(self) -> list[FlowRun]:
        """Those that were created since the test began."""
        with SyncPrefectClient(self.gateway.api_url) as client:
            return [run for run in client.read_flow_runs() if run.created and run.created >= self.began]

    def new_events(self, wait_seconds: float) -> int:
        """Take what was announced since; every event has to keep the contract. Returns how many came."""
        received = self.rabbitmq.messages(self.virtual_host, ROUTING_KEY, 1000, timeout_seconds=wait_seconds)
        for message in received:
            accept(message.body)
            self.events.append(json.loads(message.body))
            self.message_ids.append(str(message.properties.message_id))
        return len(received)

    def wait_for_instances(self, answered: Iterable[str], within_seconds: float) -> None:
        """Wait until every instance that was answered with success is announced; then it has to be in the store."""
        wanted = set(answered)

        def announced() -> bool:
            self.new_events(wait_seconds=0.5)
            return wanted <= self.announced_instances()

        wait_until(announced, within_seconds, f"{len(wanted)} instances to be announced")
        assert self.announced_objects() <= self.stored_objects()

    def announced_objects(self) -> set[str]:
        """The keys of every object that an event names."""
        return {
            f"{event['payload_id']}/{entry[kind]}"
            for event in self.events
            for entry in event["payload"]
            for kind in ("path", "metadata")
        }

    def announced_instances(self) -> set[str]:
        """The SOP Instance UIDs of every instance that an event names."""
        paths = (entry["path"] for event in self.events for entry in event["payload"])
        return {path.rpartition("/")[2].removesuffix(".dcm") for path in paths}

    def stored_objects(self) -> set[str]:
        return {str(stored.object_name) for stored in self.minio.client().list_objects(self.bucket, recursive=True)}

    def payload_ids(self) -> set[str]:
        return {event["payload_id"] for event in self.events}

    def assert_repeats_are_the_same(self) -> None:
        """A payload announced twice is announced with the same message id and the same content."""
        by_payload: dict[str, set[str]] = {}
        for event, message_id in zip(self.events, self.message_ids, strict=True):
            by_payload.setdefault(event["payload_id"], set()).add(json.dumps([message_id, event]))
        assert all(len(versions) == 1 for versions in by_payload.values())


@contextmanager
def running_site(
    directory: Path, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy, **environment: str
) -> Iterator[Site]:
    """Start a site whose AE title MIG takes from anybody, and waits a second for more."""
    broker = settings_for(rabbitmq)
    queue = rabbitmq.bind_queue(broker.virtual_host, broker.exchange, ROUTING_KEY)
    to_broker, to_store = (
        toxiproxy.new_proxy(rabbitmq.port),
        toxiproxy.new_proxy(int(minio.endpoint.rpartition(":")[2])),
    )
    bucket = minio.new_bucket()
    store = {
        "kind": "s3",
        "endpoint": f"127.0.0.1:{to_store.port}",
        "bucket": bucket,
        "access_key": minio.access_key,
        "secret_key": minio.secret_key,
        "secure": False,
    }
    events = {"kind": "rabbitmq", "host": "127.0.0.1", "port": to_broker.port, "virtual_host": broker.virtual_host}
    settings = {
        "MIG_OBJECT_STORE": json.dumps(store),
        "MIG_EVENTS": json.dumps(events),
        "MIG_SCP__REJECT_UNKNOWN_SOURCES": "false",
        "MIG_APPLICATION_ENTITIES": '[{"ae_title": "MIG", "timeout_seconds": 1}]',
    }
    gateway = Gateway(directory, **(settings | environment))
    try:
        gateway.start()
        wait_until_written_down(rabbitmq, broker, queue)
        yield Site(gateway, rabbitmq, minio, to_broker, to_store, broker.virtual_host, bucket)
    finally:
        gateway.server.kill()
        to_broker.restore()
        to_store.restore()


def send(gateway: Gateway, files: Iterable[Path], *, calling_ae: str = "CT01", called_ae: str = "MIG") -> Iterator[str]:
    """Send instances over one association; yield the SOP Instance UID of each as it is answered with success.

    Ends where the association does, and `storescu` with it: what is left has not been taken.
    """
    called = gateway.receiver
    command = ["--verbose", "--aetitle", calling_ae, "--call", called_ae, called.host, str(called.port)]
    sender = subprocess.Popen(
        [DCMTK.file("storescu"), *command, *files],
        env=os.environ | {"TCP_NODELAY": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with sender:
        assert sender.stdout
        sending = ""
        for line in sender.stdout:
            if found := re.match(r"I: Sending file: (.*)", line):
                sending = found[1]
            elif "Received Store Response (Success)" in line:
                with Path(sending).open("rb") as file:
                    yield read_head(file).sop_instance_uid
