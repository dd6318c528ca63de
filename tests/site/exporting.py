"""A gateway that exports: `mig up` on its embedded defaults, or beside a broker, and destinations that come and go."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from crc32c import crc32c
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from gateway.config import DimseDestination, Settings
from gateway.destinations.registered import Destinations
from gateway.dicom.part10_file import Part10File
from gateway.exports.lease import ExportLease
from gateway.exports.ledger import opened_ledger
from gateway.exports.request import read_export_request
from gateway.exports.settling import give_up
from gateway.exports.states import ExportRow, ExportState, SendRow
from gateway.exports.tables import WORK
from gateway.object_store import Upload
from gateway.object_store.local import LocalObjectStore
from gateway.work.lease import Lease
from tests.deployments.commands.mig import Mig
from tests.deployments.operator import Operator
from tests.deployments.up.gateway import Gateway
from tests.gateway.exports.scene import request_body
from tests.gateway.part10_files import write_files
from tests.waiting import wait_until


@dataclass
class ExportSite:
    """The destinations stand in the settings file, which every run reads anew."""

    gateway: Gateway
    operator: Operator
    destinations: dict[str, DimseDestination] = field(default_factory=dict)

    @property
    def settings_file(self) -> Path:
        return self.gateway.directory / "gateway.toml"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.gateway.data_dir}/gateway.db"

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.gateway.data_dir)

    @property
    def mig(self) -> Mig:
        environment = {"MIG_CONFIG": str(self.settings_file), "MIG_DATA_DIR": str(self.gateway.data_dir)}
        return Mig(self.gateway.directory, environment)

    def register(self, *destinations: DimseDestination) -> None:
        self.destinations |= {destination.name: destination for destination in destinations}
        write_settings(self.settings_file, list(self.destinations.values()))

    def put(self, files: Sequence[Part10File]) -> list[str]:
        """Store files as objects; return their keys."""
        store = LocalObjectStore(self.gateway.data_dir / "objects", "monaideploy")
        for file in files:
            content = file.path.read_bytes()
            opened = partial(io.BytesIO, content)
            store.put(Upload(_key(file), opened, len(content), crc32c(content), "application/dicom"))
        return [_key(file) for file in files]

    def put_some(self, count: int, pixels: bytes = b"\1\2" * 64) -> list[str]:
        return self.put(write_files(self.gateway.directory, count, pixels))

    def ask(self, files: Sequence[str], *destinations: str, task: str = "task-1") -> UUID:
        """Submit a request, as `mig export submit` does; return the export's id."""
        request = read_export_request(request_body(files, destinations, task))
        with opened_ledger(self.settings) as ledger:
            ledger.record(request, datetime.now(UTC))
        return request.export_id

    def row(self, export_id: UUID) -> ExportRow:
        with opened_ledger(self.database_url) as ledger:
            row = ledger.row(export_id)
        assert row
        return row

    def sends(self, export_id: UUID) -> list[SendRow]:
        with opened_ledger(self.database_url) as ledger:
            return ExportLease(Lease(ledger.engine, WORK, export_id, 0)).results()[1]

    def settle(self, export_id: UUID) -> None:
        """Settle an export as its files stand, as a run does that is killed right afterwards."""
        with opened_ledger(self.database_url) as ledger:
            work = ledger.work.find(export_id)
            lease = ledger.work.take_from_run(work) if work else None
            assert lease
            give_up(ExportLease(lease), Destinations.of(self.settings), "given up", datetime.now(UTC))

    def wait_for(self, export_id: UUID, *states: ExportState, within_seconds: float = 90) -> ExportRow:
        wait_until(lambda: self.row(export_id).state in states, within_seconds, f"export {export_id} to be {states}")
        return self.row(export_id)

    def run_of(self, export_id: UUID) -> FlowRun:
        run_id = wait_until(lambda: self.row(export_id).flow_run_id, 60, "the export to have a run")
        assert run_id
        return self.operator.run(run_id)

    def told(self, export_id: UUID, count: int = 1) -> list[dict[str, Any]]:
        """The bodies of the export's events in Prefect's feed, the oldest first."""

        def bodies() -> list[dict[str, Any]]:
            return [body for body in self._events() if body["export_id"] == str(export_id)]

        wait_until(lambda: len(bodies()) >= count, 60, f"{count} events that tell of the export")
        return sorted(bodies(), key=lambda body: int(body["settlement"]))

    def _events(self) -> list[dict[str, Any]]:
        question = {"filter": {"event": {"name": ["md.export.complete"]}}, "limit": 50}
        answer = httpx.post(f"{self.gateway.api_url}/events/filter", json=question, trust_env=False, timeout=30)
        return [event["payload"] for event in answer.raise_for_status().json()["events"]]


def _key(file: Part10File) -> str:
    return f"p/{file.sop_instance_uid}.dcm"


def write_settings(file: Path, destinations: Sequence[DimseDestination]) -> None:
    """Write a settings file; each process reads it when it looks."""
    text = "".join(
        "[[destinations]]\n"
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in each.model_dump(exclude_none=True).items())
        for each in destinations
    )
    new = file.with_suffix(".new")
    new.write_text(f"[scp]\nreject_unknown_sources = false\n{text}")
    new.rename(file)


@contextmanager
def running_export_site(directory: Path, **environment: str) -> Iterator[ExportSite]:
    """Start a gateway on its embedded defaults."""
    file = directory / "gateway.toml"
    write_settings(file, [])
    data_dir = str(directory / "mig" / "var")
    gateway = Gateway(directory, MIG_CONFIG=str(file), MIG_DATA_DIR=data_dir, **environment)
    try:
        gateway.start()
        with SyncPrefectClient(gateway.api_url) as client:
            yield ExportSite(gateway, Operator(client))
    finally:
        gateway.server.kill()
