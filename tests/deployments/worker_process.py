"""A worker as a process of its own, with the example flows."""

import os
import sys
from pathlib import Path

from deployments.logging import configure_logging
from deployments.prefect_environment import use_prefect
from gateway.config import load_settings
from gateway.errors import GatewayError
from gateway.spool.node import Node, read_node
from tests.peers.processes import Server, processes_at_home_in
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
FLOWS = "trivial asynchronous failing_once killed gated orderly stubborn waiting reading_settings".split()


class WorkerProcess:
    """`mig worker`, but for the flows. HOME, working directory, log and data lie in `directory`."""

    def __init__(self, directory: Path, api_url: str, work_pool: str, name: str = "worker", **environment: str) -> None:
        self.directory = directory
        self.data_dir = directory / "var"
        self.node: Node = read_node(self.data_dir / "spool")
        self._starts = 0
        here = {
            "PYTHONPATH": str(ROOT),
            "MIG_DATA_DIR": str(self.data_dir),
            "MIG_PREFECT__API_URL": api_url,
            "MIG_PREFECT__WORK_POOL": work_pool,
        }
        command = [sys.executable, "-m", "tests.deployments.worker_process"]
        self.server = Server(name, command, directory, self._is_ready, here | environment, stop_seconds=20)

    def start(self) -> None:
        self._starts += 1
        self.server.start()

    def signal(self, number: int) -> None:
        if self.server.pid:
            os.kill(self.server.pid, number)

    def wait_for_end(self, within_seconds: float) -> int:
        """Return the exit code."""
        wait_until(lambda: self.server.pid is None, within_seconds, "the worker to end")
        assert self.server._process
        return self.server._process.wait()

    def wait_until_alone(self, within_seconds: float) -> None:
        """Wait until no process of this worker's is left: fork server, children, and what those started."""
        wait_until(lambda: not processes_at_home_in(self.directory), within_seconds, "every process to be gone")

    @property
    def log(self) -> str:
        return self.server.log.read_text(encoding="utf-8")

    def _is_ready(self) -> bool:
        return self.log.count("worker ready") >= self._starts


def _main() -> None:
    settings = load_settings().settings
    configure_logging(settings.log, "worker")
    use_prefect(settings)
    from deployments.registration import Description
    from deployments.worker.serve import serve

    module = "tests.deployments.example_flows"
    descriptions = [Description(name, f"{module}.{name}", "an example", (), "default") for name in FLOWS]
    try:
        serve(settings, descriptions)
    except GatewayError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    _main()
