"""Who receives: the gateway, and its peers, each as its users start it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers import orthanc
from tests.peers.components import DCMTK
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens

NO_DELAY = {"TCP_NODELAY": "1"}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that runs, and the title by which it is called."""

    name: str
    ae_title: str
    port: int
    server: Server


@contextmanager
def gateway(directory: Path, *, durability: str = "disk") -> Iterator[Receiver]:
    """`mig scp`, which answers when an instance is durable."""
    port = free_port()
    environment = {
        "MIG_DATA_DIR": str(directory / "data"),
        "MIG_SCP__PORT": str(port),
        "MIG_SPOOL__DURABILITY": durability,
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    name = "gateway" if durability == "disk" else f'gateway, durability "{durability}"'
    command = [sys.executable, "-P", "-m", "deployments", "scp"]
    with _running(Server("gateway", command, directory, lambda: listens(port), environment)) as server:
        yield Receiver(name, "MIG", port, server)


@contextmanager
def storescp(directory: Path) -> Iterator[Receiver]:
    """dcmtk's, one process for each association; it answers before anything is durable."""
    port = free_port()
    received = directory / "received"
    received.mkdir(parents=True)
    command: list[str | Path] = [DCMTK.file("storescp"), "--fork", "--output-directory", received, str(port)]
    with _running(Server("storescp", command, directory, lambda: listens(port), NO_DELAY)) as server:
        yield Receiver("dcmtk storescp (not durable)", "STORESCP", port, server)


@contextmanager
def archive(directory: Path) -> Iterator[Receiver]:
    """Orthanc as shipped, with TCP_NODELAY for its DICOM server."""
    with orthanc.running(directory, environment=NO_DELAY) as peer:
        yield Receiver("Orthanc", peer.ae_title, peer.port, peer.server)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()
