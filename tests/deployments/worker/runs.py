"""What the example flows write down."""

from pathlib import Path

from tests.deployments.operator import Operator
from tests.waiting import wait_until


def started(file: Path) -> list[int]:
    """The process ids that a run has written."""
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_alive(pid: int) -> bool:
    """Whether the process runs: one that has ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class GatedRun:
    """A run of the flow `gated` that goes on until its gate is opened."""

    def __init__(self, operator: Operator, directory: Path, name: str = "gated") -> None:
        self.operator = operator
        self.begun, self.gate = directory / f"{name}.begun", directory / f"{name}.gate"
        self.run_id = operator.trigger("example-gated/gated", {"started": str(self.begun), "gate": str(self.gate)})

    def wait_until_running(self, tries: int = 1) -> int:
        """Return the process id of its latest try."""
        wait_until(lambda: len(started(self.begun)) >= tries, 20, "the run to begin")
        return started(self.begun)[-1]

    def finish(self) -> None:
        self.gate.touch()
        self.operator.wait_for(self.run_id, "Completed")
