"""MinIO: an object store that speaks S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from minio import Minio
from minio.error import MinioException
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from tests.peers.components import MINIO
from tests.peers.ports import free_port
from tests.peers.processes import Server


@dataclass
class MinIO:
    """A server with one administrator, whose credentials a test may change."""

    server: Server
    endpoint: str
    access_key: str
    secret_key: str

    def client(self) -> Minio:
        """A client with the credentials now in force, which tries nothing twice."""
        once = PoolManager(retries=False)
        return Minio(
            self.endpoint, access_key=self.access_key, secret_key=self.secret_key, secure=False, http_client=once
        )

    def serves(self) -> bool:
        """Whether it does what it is asked.

        Its own `/minio/health/ready` says so a little early: requests are then answered with 503 and `Retry-After: 60`,
        which a client of the usual sort obeys.
        """
        try:
            self.client().list_buckets()
        except (MinioException, HTTPError):
            return False
        return True

    def new_bucket(self) -> str:
        """Make a bucket of its own for one test, and return its name."""
        name = f"test-{uuid4()}"
        self.client().make_bucket(name)
        return name

    def change_credentials(self, access_key: str, secret_key: str) -> None:
        """Give the administrator other credentials: a restart, after which the old ones are refused."""
        self.server.stop()
        self.access_key, self.secret_key = access_key, secret_key
        self.server.environment = _environment(access_key, secret_key)
        self.server.start()


@contextmanager
def running(directory: Path) -> Iterator[MinIO]:
    """A server that keeps its objects in `directory`."""
    access_key, secret_key = "test-access-key", "test-secret-key"

    def is_ready() -> bool:
        return peer.serves()

    endpoint = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [MINIO.file("minio"), "server", directory / "objects"]
    command += ["--address", endpoint, "--console-address", f"127.0.0.1:{free_port()}"]
    server = Server("minio", command, directory, is_ready, _environment(access_key, secret_key))
    peer = MinIO(server, endpoint, access_key, secret_key)
    try:
        server.start()
        yield peer
    finally:
        server.stop()


def _environment(access_key: str, secret_key: str) -> dict[str, str]:
    return {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
