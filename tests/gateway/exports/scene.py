"""A node that exports: its ledger, its object store, its destinations, and a clock that is moved."""

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from crc32c import crc32c
from sqlalchemy import Engine, insert

from gateway.config import DestinationSettings, DicomWebDestination, DimseDestination
from gateway.destinations.circuits import Circuits
from gateway.destinations.registered import Destinations, Outputs, no_outputs
from gateway.dicom.part10_file import Part10File
from gateway.errors import PeerUnavailable
from gateway.events import Message
from gateway.events.outbox import Outbox
from gateway.exports.area import working_area
from gateway.exports.lease import ExportLease, take
from gateway.exports.ledger import ExportLedger, new_row
from gateway.exports.request import ExportRequest, read_export_request
from gateway.exports.run import DestinationAway, ExportRun, Left
from gateway.exports.settlement import Settlement
from gateway.exports.states import ExportRow, ExportState, SendRow
from gateway.exports.tables import WORK, exports
from gateway.object_store import Upload
from gateway.object_store.local import LocalObjectStore
from gateway.work.lease import Lease
from tests.gateway.dicomweb.raw_service import RawService
from tests.gateway.dimse.raw_pacs import RawPacs
from tests.gateway.part10_files import write_files

SCU, WEB = "monaiscu", "monaidicomweb"
BEGAN = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
_HASTE: dict[str, float] = {"connect_seconds": 2, "answer_seconds": 5}


def pacs_destination(pacs: RawPacs, name: str = "pacs", **changes: Any) -> DimseDestination:
    peer = pacs.peer
    return DimseDestination(name=name, ae_title=peer.called_ae, host=peer.host, port=peer.port, **{**_HASTE, **changes})


def web_destination(service: RawService, name: str = "vna", **changes: Any) -> DicomWebDestination:
    return DicomWebDestination(name=name, url=service.url, **{**_HASTE, **changes})


def request_body(files: Sequence[str], destinations: Sequence[str], task: str = "task-1", **changes: Any) -> bytes:
    """A request as the workflow manager sends it."""
    content = {
        "workflow_instance_id": "8a3b",
        "export_task_id": task,
        "files": list(files),
        "destinations": list(destinations),
        "correlation_id": "0c1f7b9e-5a43-4b6e-9a52-0f6a6d1f2b11",
        "delivery_tag": None,
        "message_id": "m",
        "error_messages": [],
        "payload_id": "p",
        "plug_in_assemblies": [],
        "Target": None,
    }
    return json.dumps(content | changes).encode()


@dataclass
class Publisher:
    """Keeps what is published."""

    published: list[Message] = field(default_factory=list)

    def publish(self, message: Message) -> None:
        self.published.append(message)

    def check(self) -> None:
        return

    def close(self) -> None:
        return


@dataclass
class Scene:
    directory: Path
    ledger: ExportLedger
    now: datetime = BEGAN
    registered: dict[str, DestinationSettings] = field(default_factory=dict)
    outputs: Outputs = no_outputs
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.store = LocalObjectStore(self.directory / "objects", "monaideploy")
        self.circuits = Circuits(self.ledger.engine)

    def register(self, *destinations: DestinationSettings) -> None:
        self.registered |= {destination.name: destination for destination in destinations}

    def put(self, *files: Part10File) -> list[str]:
        """Store files as objects; return their keys."""
        return [self.put_bytes(f"p/{file.sop_instance_uid}.dcm", file.path.read_bytes()) for file in files]

    def put_bytes(self, key: str, content: bytes) -> str:
        source = self.directory / "object"
        source.write_bytes(content)
        self.store.put(Upload(key, lambda: source.open("rb"), len(content), crc32c(content), "application/dicom"))
        return key

    def put_some(self, count: int) -> list[str]:
        return self.put(*write_files(self.directory, count))

    def ask(self, files: Sequence[str], *destinations: str, task: str = "task-1", agent: str = SCU) -> UUID:
        """Record a request; return the export's id."""
        return self.record(read_export_request(request_body(files, destinations, task), agent))

    def record(self, request: ExportRequest) -> UUID:
        self.ledger.record(request, self.now)
        return request.export_id

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def take_up(self, export_id: UUID) -> ExportRun | None:
        lease = take(self.ledger.engine, export_id)
        if lease is None:
            return None
        run = self.run_of(lease)
        if lease.is_retry:
            run.distrust_circuits()
        return run

    def run_of(self, lease: ExportLease) -> ExportRun:
        destinations = Destinations(self.registered, SCU, self.outputs)
        return ExportRun(lease, destinations, self.circuits, self.stopping, lambda: self.now)

    def export(self, export_id: UUID) -> Settlement | Left | None:
        """Run an export once, with one try for each destination; None where nothing is missing."""
        run = self.take_up(export_id)
        if run is None:
            return None
        with working_area(self.directory / "exports", export_id, run.lease.fencing_token) as area:
            rows = run.prepare()
            run.fetch([row.position for row in rows], self.store, area, reserve_bytes=0)
            for row in rows:
                self._send(run, row.position, area)
        if left := run.give_up_overdue():
            run.wait(left.waits, self.now + timedelta(seconds=30))
            return left
        return run.settle()

    def settled(self, export_id: UUID) -> Settlement:
        """Run an export once, which is enough."""
        settlement = self.export(export_id)
        assert isinstance(settlement, Settlement), settlement
        return settlement

    def waits(self, export_id: UUID) -> Left:
        """Run an export once, which is not enough."""
        left = self.export(export_id)
        assert isinstance(left, Left), left
        return left

    def row(self, export_id: UUID) -> ExportRow:
        row = self.ledger.row(export_id)
        assert row
        return row

    def sends(self, export_id: UUID) -> list[SendRow]:
        return ExportLease(Lease(self.ledger.engine, WORK, export_id, 0)).results()[1]

    def published(self) -> list[dict[str, Any]]:
        """Publish what is in the outbox; return the bodies."""
        publisher = Publisher()
        while Outbox(self.ledger.engine).publish_next(publisher, self.now):
            pass
        return [json.loads(message.body) for message in publisher.published]

    @staticmethod
    def _send(run: ExportRun, position: int, area: Path) -> None:
        try:
            run.send(position, area)
        except (PeerUnavailable, DestinationAway):
            return


def have_failed(engine: Engine, count: int) -> None:
    """So many exports are there that have failed. More than anybody would run one by one."""
    request = ExportRequest("", "", "", ("a",), ("pacs",))
    row = asdict(new_row(request, BEGAN)) | {"state": ExportState.FAILED, "settled": BEGAN, "settlements": 1}
    with engine.begin() as connection:
        connection.execute(insert(exports), [row | {"export_id": uuid4()} for _ in range(count)])
