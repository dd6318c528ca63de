"""Orthanc: a small PACS. It receives, it sends, and it speaks DICOMweb."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.peers.components import ORTHANC
from tests.peers.ports import free_port
from tests.peers.processes import Server, answers


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A PACS that takes from anyone. `url` is that of its REST API; DICOMweb is at `/dicom-web` below it."""

    server: Server
    ae_title: str
    port: int
    url: str
    host: str = "127.0.0.1"

    def ask(self, method: str, path: str, content: object = None) -> httpx.Response:
        """Ask the REST API, e.g. ("GET", "/instances"). Raises httpx.HTTPStatusError if it refuses."""
        answer = httpx.request(method, f"{self.url}{path}", json=content, trust_env=False, timeout=60)
        return answer.raise_for_status()

    def file(self, instance: Path) -> str:
        """Put a Part 10 file into the PACS, and return the id that it gives the instance."""
        content = instance.read_bytes()
        answer = httpx.post(f"{self.url}/instances", content=content, trust_env=False, timeout=60)
        return str(answer.raise_for_status().json()["ID"])

    def find(self, sop_instance_uid: str) -> list[str]:
        """Return the ids of the instances that it holds with this UID."""
        query = {"Level": "Instance", "Query": {"SOPInstanceUID": sop_instance_uid}}
        found: list[str] = self.ask("POST", "/tools/find", query).json()
        return found

    def send(self, ids: list[str], *, ae_title: str, port: int) -> None:
        """Send what it holds by C-STORE, over one association, to an application entity on this machine."""
        self.ask("PUT", f"/modalities/{ae_title}", [ae_title, "127.0.0.1", port])
        self.ask("POST", f"/modalities/{ae_title}/store", ids)


@contextmanager
def running(
    directory: Path,
    ae_title: str = "ORTHANC",
    user: tuple[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Orthanc]:
    """A PACS that keeps what it holds in `directory`. With a `user` (name and password) only that one gets in by HTTP,
    and `ask` and `file` do not."""
    directory.mkdir(parents=True, exist_ok=True)
    port, http_port = free_port(), free_port()
    configuration = directory / "orthanc.json"
    configuration.write_text(json.dumps(_configuration(directory, ae_title, port, http_port) | _users(user)))

    def is_ready() -> bool:
        return answers(http_port, "/system", _credentials(user))

    server = Server("orthanc", [ORTHANC.file("Orthanc"), configuration], directory, is_ready, environment or {})
    try:
        server.start()
        yield Orthanc(server, ae_title, port, f"http://127.0.0.1:{http_port}")
    finally:
        server.kill()  # its orderly end takes three seconds, for data that nobody needs


def _users(user: tuple[str, str] | None) -> dict[str, object]:
    return {"AuthenticationEnabled": True, "RegisteredUsers": dict([user])} if user else {}


def _credentials(user: tuple[str, str] | None) -> dict[str, str]:
    pair = base64.b64encode(":".join(user).encode()).decode("ascii") if user else ""
    return {"Authorization": f"Basic {pair}"} if user else {}


def _configuration(directory: Path, ae_title: str, port: int, http_port: int) -> dict[str, object]:
    return {
        "Name": ae_title,
        "DicomAet": ae_title,
        "DicomPort": port,
        "HttpPort": http_port,
        "StorageDirectory": str(directory / "storage"),
        "IndexDirectory": str(directory / "index"),
        "StorageCompression": False,
        "OverwriteInstances": True,
        "DicomCheckCalledAet": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(ORTHANC.file("libOrthancDicomWeb.so"))],
    }
