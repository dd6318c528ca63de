"""What the gateway takes while nothing happens, all of it and each role alone: memory, CPU, and time to be ready."""

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cost import cpu_seconds, family, shared_out_bytes
from bench.row import Row
from bench.scene import Scene
from bench.site import events_settings
from tests.deployments.up.gateway import Gateway
from tests.peers import prefect_server, rabbitmq
from tests.peers.ports import free_port
from tests.peers.processes import Server

_SETTLED_SECONDS, _IDLE_SECONDS = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class Part:
    """A process, and what starts it and waits until it is ready."""

    server: Server
    start: Callable[[], object]


def measure(scene: Scene) -> list[Row]:
    """`mig up`, and each role by itself beside a Prefect server and a broker."""
    rows = _of(scene, "mig up", _all_in_one)
    with (
        scene.fresh("around") as directory,
        prefect_server.running(directory / "prefect") as prefect,
        rabbitmq.running(directory / "rabbitmq") as broker,
    ):
        settings = {
            "MIG_PREFECT__API_URL": prefect.api_url,
            "MIG_EVENTS": events_settings(broker, broker.new_virtual_host()),
        }
        for name in ("scp", "api", "dispatch", "worker", "exports"):
            rows += _of(scene, f"mig {name}", partial(_role, name, settings))
    return rows


def _of(scene: Scene, name: str, make: Callable[[Path], Part]) -> list[Row]:
    starts, memory, busy = [], 0.0, 0.0
    for number in range(scene.rounds):
        scene.say(f"footprint of {name}: round {number + 1} of {scene.rounds}")
        with scene.fresh("footprint") as directory:
            part = make(directory)
            with _started(part) as seconds:
                starts.append(seconds)
                if not number:
                    memory, busy, count = _idle(scene, part.server)
    processes = f"{count} process{'es' if count > 1 else ''}"
    return [
        Row(what=f"{name}, start to ready", unit="s", ours=statistics.median(starts)),
        Row(what=f"{name}, memory at idle", unit="MB", ours=memory / 1e6, note=f"{processes}, shared pages shared out"),
        Row(what=f"{name}, CPU at idle", unit="% of a core", ours=100 * busy),
    ]


def _idle(scene: Scene, server: Server) -> tuple[int, float, int]:
    """Bytes, cores, and number of processes."""
    assert server.pid
    time.sleep(_SETTLED_SECONDS / (10 if scene.quick else 1))
    seconds = _IDLE_SECONDS / (10 if scene.quick else 1)
    before = cpu_seconds(server.pid)
    time.sleep(seconds)
    busy = (cpu_seconds(server.pid) - before) / seconds
    members = family(server.pid)
    return sum(map(shared_out_bytes, members)), busy, len(members)


@contextmanager
def _started(part: Part) -> Iterator[float]:
    """Seconds until it was ready."""
    began = time.perf_counter()
    try:
        part.start()
        yield time.perf_counter() - began
    finally:
        part.server.stop()


def _all_in_one(directory: Path) -> Part:
    gateway = Gateway(directory)
    return Part(gateway.server, gateway.start)


def _role(name: str, settings: Mapping[str, str], directory: Path) -> Part:
    environment = {
        "MIG_SCP__PORT": str(free_port()),
        "MIG_API__PORT": str(free_port()),
        "MIG_DATA_DIR": str(directory / "data"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        **settings,
    }
    command = [sys.executable, "-P", "-m", "deployments", name]

    def is_ready() -> bool:
        return re.search(r"\bready\b", server.log.read_text()) is not None

    server = Server(name, command, directory, is_ready, environment)
    return Part(server, server.start)
