"""The gateway's processes with example flows: `python -m tests.deployments.roles worker|dispatch`."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deployments.prefect_side.environment import use_prefect
from deployments.process.logging import configure_logging
from gateway.config import load_settings
from gateway.errors import BrokerUnavailable, Dependency, GatewayError
from gateway.events.port import Message
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import Node, read_node
from tests.peers.processes import Server, processes_at_home_in
from tests.waiting import wait_until

if TYPE_CHECKING:
    from deployments.prefect_side.registration import Description

ROOT = Path(__file__).parents[2]
_READY = re.compile(r"(worker|dispatcher|receiver|consumer|API) ready\b")
FLOWS = (
    "trivial asynchronous failing_once retrying foreign_failure listing_modules killed gated orderly stubborn waiting "
    "reading_settings "
    "ingesting"
).split()


def example_descriptions() -> "list[Description]":
    """Deployments of the example flows. Imports Prefect, which reads its environment then."""
    from deployments.prefect_side.registration import Description

    module = "tests.deployments.example_flows"
    return [Description(name, f"{module}.{name}", "an example", (), "default") for name in FLOWS]


class Role:
    """One process of the gateway. HOME, working directory, log and data lie in `directory`."""

    role = ""

    def __init__(
        self, directory: Path, api_url: str, work_pool: str, environment: Mapping[str, str], name: str = ""
    ) -> None:
        self.directory = directory
        self.data_dir = directory / "var"
        self.work_pool = work_pool
        self.node: Node = read_node(self.data_dir / "spool")
        self._starts = 0
        here = {
            "PYTHONPATH": str(ROOT),
            "MIG_DATA_DIR": str(self.data_dir),
            "MIG_PREFECT__API_URL": api_url,
            "MIG_PREFECT__WORK_POOL": work_pool,
        }
        command = [sys.executable, "-m", "tests.deployments.roles", self.role]
        self.server = Server(
            name or self.role,
            command,
            directory,
            self._is_ready,
            here | dict(environment),
            start_seconds=90,  # beside others that start on two cores
            stop_seconds=20,
        )

    def start(self) -> Self:
        self._starts += 1
        self.server.start()
        return self

    def signal(self, number: int) -> None:
        if self.server.pid:
            os.kill(self.server.pid, number)

    def wait_for_end(self, within_seconds: float) -> int:
        """Return the exit code."""
        wait_until(lambda: self.server.pid is None, within_seconds, f"the {self.role} to end")
        assert self.server._process
        return self.server._process.wait()

    def wait_until_alone(self, within_seconds: float) -> None:
        """Wait until no process at home here is left: fork server, children, and what those started."""
        wait_until(lambda: not processes_at_home_in(self.directory), within_seconds, "every process to be gone")

    def wait_for_log(self, text: str, within_seconds: float = 60) -> None:
        wait_until(lambda: text in self.log, within_seconds, f"the {self.role} to log: {text}")

    @property
    def log(self) -> str:
        return self.server.log.read_text(encoding="utf-8")

    def _is_ready(self) -> bool:
        return len(_READY.findall(self.log)) >= self._starts


class WorkerProcess(Role):
    role = "worker"


class DispatcherProcess(Role):
    """The dispatcher, for which the event broker answers while the file `broker` is in the data directory."""

    role = "dispatch"

    @property
    def area(self) -> SpoolArea:
        return scp_area(self.data_dir / "spool")

    @property
    def broker(self) -> Path:
        return self.data_dir / "broker"


@dataclass(frozen=True, slots=True)
class FileBroker:
    """A broker that takes events while a file is there."""

    file: Path

    def publish(self, _message: Message) -> None:
        self.check()

    def check(self) -> None:
        if not self.file.exists():
            raise BrokerUnavailable("there is no file")

    def close(self) -> None:
        """Nothing is open."""


def _main(role: str) -> None:
    settings = load_settings().settings
    configure_logging(settings.log, role)
    use_prefect(settings)
    from deployments.dispatcher.dispatcher_process import serve as dispatch
    from deployments.dispatcher.probes import Probes
    from deployments.worker.worker_process import serve as work

    descriptions = example_descriptions()

    broker = FileBroker(settings.data_dir / "broker")

    try:
        if role == WorkerProcess.role:
            work(settings, descriptions)
        else:
            ingesting = {"payload": "example-ingest/ingesting"}
            dispatch(settings, descriptions, ingesting, Probes({Dependency.EVENTS: broker.check}, lambda: broker))
    except GatewayError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    _main(sys.argv[1])
