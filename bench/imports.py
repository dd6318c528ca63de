"""What each role imports before it can be ready, as `python -X importtime` tells it."""

import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.row import Row
from bench.scene import Scene

ROLES = {
    "scp": "listeners.scp.scp_process",
    "api": "listeners.api.api_process",
    "exports": "listeners.amqp.amqp_process",
    "dispatch": "deployments.dispatcher.dispatcher_process",
    "worker": "deployments.worker.worker_process",
}
"""What `mig` imports for each."""

_LINE = re.compile(r"import time:\s+(?P<own>\d+) \|\s+\d+ \|\s+(?P<module>\S+)$", re.MULTILINE)
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Imports:
    """The modules that were imported, with microseconds for each."""

    own: dict[str, int]

    @property
    def milliseconds(self) -> float:
        return sum(self.own.values()) / 1000

    @property
    def note(self) -> str:
        """How many, and the packages that take longest."""
        packages: Counter[str] = Counter()
        for module, microseconds in self.own.items():
            packages[module.partition(".")[0]] += microseconds
        longest = ", ".join(f"{name} {own / 1000:.0f}" for name, own in packages.most_common(_NAMED))
        return f"{len(self.own)} modules; ms of their own: {longest}"


def measure(scene: Scene) -> list[Row]:
    """Each role, from files that the page cache has."""
    rows = []
    for role, module in ROLES.items():
        scene.say(f"imports of mig {role}")
        found = [imports_of(module) for _ in range(scene.rounds + 1)][1:]
        rows.append(
            Row(
                what=f"mig {role}, imports",
                unit="ms",
                ours=statistics.median(each.milliseconds for each in found),
                note=found[-1].note,
            )
        )
    return rows


def imports_of(module: str) -> Imports:
    """Import it in a new interpreter."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-P", "-X", "importtime", "-c", f"import {module}"]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stderr
    return Imports({match["module"]: int(match["own"]) for match in _LINE.finditer(told)})
