"""Who receives: the gateway, and its peers, each as its users start it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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

    ae_title: str
    port: int
    server: Server

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.server.pid is not None, f"{self.server.name} has ended"
        return self.server.pid


Starter = Callable[[Path], AbstractContextManager[Receiver]]
"""Starts a receiver that keeps what it gets in the directory."""


@contextmanager
def gateway(directory: Path, **settings: str) -> Iterator[Receiver]:
    """`mig scp`, which answers when an instance is durable. `settings` are more of its environment."""
    receiver = gateway_at(directory, **settings)
    with running(receiver.server):
        yield receiver


def gateway_at(directory: Path, program: Sequence[str] = ("deployments", "scp"), **settings: str) -> Receiver:
    """`mig scp` on `directory`, not yet started. `program` is the module, with arguments, that does its work."""
    port = free_port()
    environment = {
        "MIG_DATA_DIR": str(directory / "data"),
        "MIG_SCP__PORT": str(port),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    command = [sys.executable, "-P", "-m", *program]
    return Receiver("MIG", port, Server("gateway", command, directory, lambda: listens(port), environment | settings))


@contextmanager
def gateway_os(directory: Path) -> Iterator[Receiver]:
    """The same with durability "os": safe from a crash of the process, not of the machine."""
    with gateway(directory, MIG_SPOOL__DURABILITY="os") as receiver:
        yield receiver


@contextmanager
def forgetful(directory: Path) -> Iterator[Receiver]:
    """The gateway's, which keeps no association."""
    receiver = gateway_at(directory, ("bench.forgetful",))
    with running(receiver.server):
        yield receiver


@contextmanager
def storescp(directory: Path, *options: str, nagle: bool = False) -> Iterator[Receiver]:
    """dcmtk's, one process for each association; it answers before anything is durable."""
    port = free_port()
    received = directory / "received"
    received.mkdir(parents=True)
    command: list[str | Path] = [DCMTK.file("storescp"), "--fork", "--output-directory", received, *options, str(port)]
    environment = {} if nagle else NO_DELAY
    with running(Server("storescp", command, directory, lambda: listens(port), environment)) as server:
        yield Receiver("STORESCP", port, server)


@contextmanager
def archive(directory: Path) -> Iterator[Receiver]:
    """Orthanc as shipped, with TCP_NODELAY for its DICOM server."""
    with orthanc.running(directory, environment=NO_DELAY) as peer:
        yield Receiver(peer.ae_title, peer.port, peer.server)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server started, and stopped when the block ends."""
    try:
        server.start()
        yield server
    finally:
        server.stop()
