"""Runs of flows, each in a process of its own that is forked from one with everything imported, as a worker's are.

`python -m tests.flows.running SOCKET` is the one that they are forked from.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tests.deployments.up.gateway import QUICK_RETRIES
from tests.peers.prefect_server import PrefectServer
from tests.peers.processes import Server

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State
    from prefect.flows import Flow

ROOT = Path(__file__).parents[2]
FLOWS = "flows.ingest.ingest_payload", "flows.retrieve.retrieve_request"
_WITHIN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Order:
    """The flow, what it is to work on, and the settings of the node that it runs on."""

    entrypoint: str
    work_id: UUID | str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is under way."""

    _told: Connection
    _log: Path

    def ended(self) -> UUID:
        """Wait for its end; return the id that Prefect has it by."""
        with self._told:
            try:
                assert self._told.poll(_WITHIN_SECONDS), "the run does not end"
                return UUID(self._told.recv())
            except EOFError:
                raise AssertionError(f"the run has crashed:\n{self._log.read_text()}") from None


@dataclass(frozen=True, slots=True)
class Runs:
    """Starts runs."""

    server: Server
    socket: Path

    def begin(self, entrypoint: str, work_id: UUID | str, settings: Mapping[str, str]) -> Begun:
        told = Client(str(self.socket), "AF_UNIX")
        told.send(Order(entrypoint, work_id, settings))
        return Begun(told, self.server.log)


@contextmanager
def running(directory: Path, prefect: PrefectServer) -> Iterator[Runs]:
    """Start the process that runs are forked from. This server knows of them; they don't try again for long."""
    socket = directory / "runs"
    environment = {
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": prefect.api_url,
        "PREFECT_HOME": str(directory / "prefect"),
    }
    command: list[str | Path] = [sys.executable, "-m", "tests.flows.running", socket]
    server = Server("flows", command, directory, socket.exists, environment | QUICK_RETRIES, start_seconds=90)
    try:
        server.start()
        yield Runs(server, socket)
    finally:
        server.kill()


def _serve(socket: str) -> None:
    """Fork a run for each order, until killed."""
    from prefect.flows import load_flow_from_entrypoint

    import deployments.worker.preload  # noqa: F401

    for entrypoint in FLOWS:
        load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    with Listener(socket, "AF_UNIX", backlog=8) as listener:
        while True:
            with listener.accept() as orders:
                get_context("fork").Process(target=_carry_out, args=(orders,)).start()


def _carry_out(orders: Connection) -> None:
    from prefect.flows import load_flow_from_entrypoint

    order: Order = orders.recv()
    os.environ.update(order.settings)
    flow: Flow[..., object] = load_flow_from_entrypoint(order.entrypoint, use_placeholder_flow=False)
    state = cast("State[object]", flow(str(order.work_id), return_state=True))
    orders.send(str(state.state_details.flow_run_id))


if __name__ == "__main__":
    _serve(sys.argv[1])
