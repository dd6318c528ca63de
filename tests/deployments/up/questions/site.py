"""The scene of all questions: one gateway, the scanner that is let in, a broker, and three destinations."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from tests.deployments.commands.mig import MigHere
from tests.deployments.up.gateway import Gateway
from tests.deployments.up.questions.faces import Faces
from tests.gateway.dimse.raw_pacs import RawPacs, raw_pacs
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.exports.scene import request_body
from tests.peers.dcmtk import Dcmtk
from tests.peers.ports import free_port
from tests.peers.rabbitmq import RabbitMQ
from tests.site.site import ROUTING_KEY
from tests.waiting import wait_until

SETTINGS = """
[[application_entities]]
ae_title = "MIG"
timeout_seconds = 1

[[sources]]
ae_title = "CT01"
host = "127.0.0.1"

[[sources]]
ae_title = "CT02"
host = "10.1.0.17"

[scp]
reject_unknown_sources = true
"""
DESTINATION = """
[[destinations]]
name = "{name}"
kind = "dimse"
ae_title = "RAWPACS"
host = "127.0.0.1"
port = {port}
connect_seconds = 2
"""


@dataclass(frozen=True, slots=True)
class Study:
    """As it lies on the scanner."""

    uid: str
    accession: str
    files: list[Path]


@dataclass
class Site:
    """`archive` takes what is sent there, `viewer` as a test wants it; where `vna` was nobody listens."""

    gateway: Gateway
    faces: Faces
    dcmtk: Dcmtk
    rabbitmq: RabbitMQ
    virtual_host: str
    archive: RawPacs
    viewer: RawPacs
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def study(self) -> Study:
        """Three slices that nobody had before."""
        number = next(self._numbers)
        examination = Examination(patient=number, study=number)
        slices = list(made_ct_study(3, 16, 16, examination=examination))
        files = write_study(slices, self.gateway.directory / f"study-{number}")
        return Study(examination.study_instance_uid, slices[0].AccessionNumber, files)

    def send(self, study: Study) -> None:
        assert "Failed" not in self.dcmtk.storescu(self.gateway.receiver, study.files, calling="CT01").output

    def ask_for_export(self, task: str, files: list[str], *destinations: str) -> str:
        """Ask over HTTP; return the export's id."""
        asked = request_body(files, destinations, task, payload_id=None)
        return str(self.faces.post("/exports", asked).json()["id"])

    def payload(self, study: Study, **wanted: object) -> dict[str, Any]:
        """What `mig payload find --json` tells of a study, once it is as `wanted`."""

        def found() -> Any:
            rows = self.faces.mig("payload", "find", "--study", study.uid, "--json").rows
            return [row for row in rows if wanted.items() <= row.items()]

        return dict(wait_until(found, 60, f"the payload to be {wanted}")[0])

    def export(self, export_id: str, state: str) -> dict[str, Any]:
        """What `mig export show --json` tells, once it is in a state."""

        def shown() -> Any:
            row = self.faces.mig("export", "show", export_id, "--json").rows
            return row if row["state"] == state else None

        return dict(wait_until(shown, 90, f"the export to be {state}"))

    def is_bound(self, *, is_it: bool) -> None:
        """Whether anybody listens at the broker."""
        with self.rabbitmq.connection(self.virtual_host) as connection:
            channel = connection.channel()
            (channel.queue_bind if is_it else channel.queue_unbind)(ROUTING_KEY, "monaideploy", ROUTING_KEY)

    def objects(self, payload_id: str) -> list[str]:
        """The keys of a payload's instances in the object store."""
        bucket = self.gateway.data_dir / "objects" / "monaideploy"
        return sorted(str(path.relative_to(bucket)) for path in (bucket / payload_id).rglob("*.dcm"))


@contextmanager
def running_site(directory: Path, rabbitmq: RabbitMQ, dcmtk: Dcmtk) -> Iterator[Site]:
    """Start it."""
    broker = settings_for(rabbitmq)
    bind_durably(rabbitmq, broker)
    events = {"kind": "rabbitmq", "host": broker.host, "port": broker.port, "virtual_host": broker.virtual_host}
    with raw_pacs() as archive, raw_pacs() as viewer:
        file = directory / "gateway.toml"
        ports = {"archive": archive.peer.port, "viewer": viewer.peer.port, "vna": free_port()}
        file.write_text(SETTINGS + "".join(DESTINATION.format(name=name, port=port) for name, port in ports.items()))
        data_dir = str(directory / "mig" / "var")
        gateway = Gateway(directory, MIG_CONFIG=str(file), MIG_DATA_DIR=data_dir, MIG_EVENTS=json.dumps(events))
        mig = MigHere(directory, dict(gateway.server.environment))
        try:
            gateway.start()
            with httpx.Client(base_url=f"http://127.0.0.1:{gateway.http_port}", timeout=30) as http:
                yield Site(gateway, Faces(mig, http), dcmtk, rabbitmq, broker.virtual_host, archive, viewer)
        finally:
            gateway.server.kill()
