"""HAPI FHIR: a FHIR R4 server that keeps what it has in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.peers.components import HAPI_FHIR, JAVA
from tests.peers.ports import free_port
from tests.peers.processes import Server, answers

TYPES = (
    "Binary",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "ImagingStudy",
    "Medication",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "Procedure",
    "ServiceRequest",
)

PAGE_SIZE = 10
"""No page of a search has more."""


@dataclass(frozen=True, slots=True)
class HapiFhir:
    """A server with resources of some types; it forgets them when it stops. `url` is its base."""

    server: Server
    port: int
    url: str
    headers: dict[str, str]

    def put(
        self, resource_type: str, resource_id: str, content: bytes, content_type: str = "application/fhir+json"
    ) -> None:
        """Give it a resource, by its name."""
        headers = {**self.headers, "Content-Type": content_type}
        url = f"{self.url}/{resource_type}/{resource_id}"
        httpx.put(url, content=content, headers=headers, trust_env=False, timeout=30).raise_for_status()

    def get(self, resource_type: str, resource_id: str, accept: str) -> bytes:
        """Return a resource as the server writes it."""
        headers = {**self.headers, "Accept": accept}
        url = f"{self.url}/{resource_type}/{resource_id}"
        return httpx.get(url, headers=headers, trust_env=False, timeout=30).raise_for_status().content

    def delete(self, resource_type: str, resource_id: str) -> None:
        """Let a resource be gone: it is then a 410."""
        url = f"{self.url}/{resource_type}/{resource_id}"
        httpx.delete(url, headers=self.headers, trust_env=False, timeout=30).raise_for_status()


@contextmanager
def running(directory: Path, authorization: str = "", types: Sequence[str] = TYPES) -> Iterator[HapiFhir]:
    """An empty server. With `authorization` it lets in only who sends this very header, and `put` and `get` do."""
    port = free_port()
    built = HAPI_FHIR.file("classes").parent
    headers = {"Authorization": authorization} if authorization else {}

    def is_ready() -> bool:
        return answers(port, "/fhir/metadata", headers)

    memory = ["-Xmx192m", "-XX:+UseSerialGC"]
    command: list[str | Path] = [JAVA.file("java"), *memory, "-cp", f"{built / 'classes'}:{built / 'dependency'}/*"]
    command += ["peer.FhirServer", str(port), ",".join(types), authorization]
    server = Server("hapi-fhir", command, directory, is_ready)
    try:
        server.start()
        yield HapiFhir(server, port, f"http://127.0.0.1:{port}/fhir", headers)
    finally:
        server.kill()  # nothing of what it has outlives it
