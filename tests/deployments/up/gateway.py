"""`mig up` as an operator starts it: in a directory of its own, on ports of its own."""

import os
import re
import signal
import sys
from pathlib import Path
from typing import Self

from tests.peers.dcmtk import ApplicationEntity
from tests.peers.ports import free_port
from tests.peers.prefect_server import put_database
from tests.peers.processes import Server, processes_at_home_in
from tests.waiting import wait_until

MIG = Path(sys.executable).with_name("mig")

QUICK_RETRIES = {"PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS": "0.1,0.2,0.3,0.4"}
"""For tests in which a part is away until its runs wait: they do after a second, and not after fifteen."""


class Gateway:
    """HOME, working directory, log and data are below `directory`."""

    def __init__(self, directory: Path, *, name: str = "mig", **environment: str) -> None:
        self.directory = directory
        self.dicom_port, self.prefect_port, self.http_port = free_port(), free_port(), free_port()
        here = {
            "MIG_SCP__PORT": str(self.dicom_port),
            "MIG_PREFECT__PORT": str(self.prefect_port),
            "MIG_API__PORT": str(self.http_port),
        }
        self._starts = self._forgotten = 0
        self._prefect_is_the_sites = bool(environment.get("MIG_PREFECT__API_URL"))
        self.server = Server(name, [MIG, "up"], directory, self._is_ready, here | environment, start_seconds=90)

    def start(self, *, from_nothing: bool = False) -> Self:
        """Unless `from_nothing`, its Prefect finds the empty database that it would make."""
        if not (from_nothing or self._prefect_is_the_sites or self.data_dir.exists()):
            put_database(self.data_dir / "prefect")
        self._starts += 1
        self.server.start()
        return self

    @property
    def data_dir(self) -> Path:
        return self.server.home / "var"

    @property
    def log(self) -> str:
        """What it has said, but for what is forgotten."""
        return self._whole_log[self._forgotten :]

    @property
    def _whole_log(self) -> str:
        return self.server.log.read_text(encoding="utf-8")

    def forget(self) -> None:
        """Another test begins: what it has said before is none of its business."""
        self._forgotten = len(self._whole_log)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}/api"

    @property
    def receiver(self) -> ApplicationEntity:
        return ApplicationEntity("MIG", self.dicom_port)

    def signal(self, number: int) -> None:
        assert self.server.pid
        os.kill(self.server.pid, number)

    def wait_for_end(self, within_seconds: float) -> int:
        """Return the exit code."""
        wait_until(lambda: self.server.pid is None, within_seconds, "`mig up` to end")
        assert self.server._process
        return self.server._process.wait()

    def stop(self) -> None:
        """As Ctrl-C does."""
        self.signal(signal.SIGINT)
        assert self.wait_for_end(within_seconds=12) == 0

    def processes(self) -> list[int]:
        """Everybody who lives here: `mig up` and all that came of it."""
        return processes_at_home_in(self.directory)

    def process_of(self, role: str) -> int:
        """The process of a part."""
        wanted = "prefect\0server" if role == "prefect" else f"deployments\0{role}"

        def found() -> list[int]:
            return [pid for pid in self.processes() if wanted in _command_line(pid)]

        return wait_until(found, 20, f"{role} to run")[0]

    def wait_for_log(self, pattern: str, within_seconds: float = 30) -> str:
        """Return the line that matches."""

        def line() -> str | None:
            return next((line for line in self.log.splitlines() if re.search(pattern, line)), None)

        return str(wait_until(line, within_seconds, f"a log line like {pattern}"))

    def _is_ready(self) -> bool:
        return len(re.findall(r" up +ready ", self._whole_log)) >= self._starts


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
