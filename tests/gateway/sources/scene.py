"""The kinds of source, each with a real peer that has something, and what may be asked of it."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import httpx

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from gateway.config import Settings
from gateway.config.sections import InferenceSettings
from gateway.credentials.authorization import Authorization, AuthType
from gateway.disk.room import Room
from gateway.errors import GatewayError
from gateway.fhir.names import FhirFormat, FhirVersion
from gateway.retrieval.areas import Areas
from gateway.retrieval.arrivals import AreaArrivals, Fetching
from gateway.retrieval.fetched import Fetched
from gateway.sources.address import SourceAddress
from gateway.sources.items import ListedInstance, WantedItem, WantedResource, WantedStudy
from gateway.sources.kinds import open_source
from gateway.sources.port import Source
from gateway.sources.questions import Question, ResourceQuestion, StudyQuestion
from tests.clock import MovableClock
from tests.peers.hapi_fhir import HapiFhir
from tests.peers.orthanc import Orthanc

NAME = "SMITH-1970"
"""An id that names a patient."""

USER = ("mig", "s3cret")
PAIR = base64.b64encode(":".join(USER).encode()).decode()
EXAMINATION = Examination(patient=707, study=1)
REQUEST = UUID("7d3c2a52-6d44-4f53-9d0c-1c0a38a0c6f1")


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer of one kind. `files` are what `there` asks for, by name: a SOP Instance UID, or a path in a payload."""

    kind: str
    url: str
    there: Question
    files: dict[str, bytes]
    not_there: Question
    missing: WantedItem  # is named by a request, and not there
    not_served: Question
    authorization: Authorization | None = None

    @contextmanager
    def source(self, url: str = "", **inference: object) -> Iterator[Source]:
        """The source at this peer, or at another address."""
        settings = Settings(inference=InferenceSettings.model_validate({"answer_seconds": 10, **inference}))
        address = SourceAddress(self.kind, url or self.url, authorization=self.authorization)
        with closing(open_source(address, settings)) as source:
            yield source

    def found(self) -> tuple[WantedItem, ...]:
        with self.source() as source:
            return source.find(self.there).items

    def with_authorization(self, value: str) -> "Peer":
        return replace(self, authorization=Authorization(AuthType.BASIC, value))


@dataclass
class Retrieval:
    """The working area of a request, and one try after the other."""

    root: Path
    reserve_bytes: int = 0
    tries: int = field(default=0, init=False)
    kept: int = field(default=0, init=False)

    def fetch(self, source: Source, *wanted: WantedItem) -> list[GatewayError]:
        """One try: return what stood in the way. `kept` is then what it brought."""
        self.tries += 1
        with Areas(self.root, Room(self.root, self.reserve_bytes)).open(REQUEST, self.tries) as area:
            arrivals = AreaArrivals(Fetching(area, MovableClock(), lambda _: None), 0, str(source))
            errors = list(source.fetch(wanted, arrivals))
            self.kept = arrivals.kept
        return errors

    def paths(self) -> dict[str, Path]:
        """The files that are whole, by name."""
        self.tries += 1
        with Areas(self.root, Room(self.root, 0)).open(REQUEST, self.tries) as area:
            entries: dict[str, Fetched] = {**area.instances, **area.resources}
            return {name: area.directory / each.file for name, each in entries.items()}

    def files(self) -> dict[str, bytes]:
        return {name: path.read_bytes() for name, path in self.paths().items()}


def at_orthanc(orthanc: Orthanc, directory: Path, pair: str = "") -> Peer:
    """An archive with a study of three slices."""
    files = write_study(made_ct_study(3, 32, 32, examination=EXAMINATION), directory)
    headers = {"Authorization": f"Basic {pair}"} if pair else {}
    for file in files:
        answer = httpx.post(
            f"{orthanc.url}/instances", content=file.read_bytes(), headers=headers, trust_env=False, timeout=30
        )
        answer.raise_for_status()
    return Peer(
        kind="dicomweb",
        url=f"{orthanc.url}/dicom-web",
        there=StudyQuestion("PatientID", str(EXAMINATION.patient_id), "study of the patient in inputs[0]"),
        files={file.stem: file.read_bytes() for file in files},
        not_there=StudyQuestion("PatientID", NAME, "study of the patient in inputs[1]"),
        missing=WantedStudy("1.2.404", "instances", (ListedInstance("1.2.404.1", "1.2.404.1.1"),), listed=False),
        not_served=a_resource("Patient", NAME),
    )


def at_hapi(hapi: HapiFhir) -> Peer:
    """A FHIR server with three resources of a type."""
    names = [f"contract-{number}" for number in range(3)]
    for name in names:
        hapi.put("Procedure", name, json.dumps({"resourceType": "Procedure", "id": name}).encode())
    accept = "application/fhir+json; fhirVersion=4.0"
    return Peer(
        kind="fhir",
        url=hapi.url,
        there=a_resource("Procedure", None),
        files={f"ehr/Procedure/{name}.json": hapi.get("Procedure", name, accept) for name in names},
        not_there=a_resource("Medication", None),
        missing=WantedResource("Procedure", NAME, FhirFormat.JSON, FhirVersion.R4, "inputs[2]"),
        not_served=StudyQuestion("PatientID", NAME, "study of the patient in inputs[1]"),
    )


def a_resource(resource_type: str, resource_id: str | None) -> ResourceQuestion:
    return ResourceQuestion(resource_type, resource_id, FhirFormat.JSON, FhirVersion.R4, "inputs[0]")
