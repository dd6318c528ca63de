"""What a command that prints a table costs, cold: an operator waits for it at two in the morning."""

import os
import statistics
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from bench.row import Row
from bench.scene import Scene
from gateway.spool.node import read_node
from tests.databases import empty_database

COMMANDS = {
    "payload list": 0.55,
    "payload find --study 1.2.3": 0.55,
    "export list": 0.55,
    "inference list": 0.55,
    "association list": 0.55,
    "destination list": 0.55,
    "spool list": 0.55,
    "explain --calling CT01 --called MIG --address 127.0.0.1": 0.55,
    "status": 0.95,
}
"""The most seconds of CPU that each may take: what asks Prefect a little more."""

_NO_PREFECT = "http://127.0.0.1:9/api"


def measure(scene: Scene) -> list[Row]:
    """Each on a site that has run once, beside a Prefect that does not answer."""
    rows = []
    with scene.fresh("commands") as directory:
        read_node(directory / "var" / "spool")
        empty_database(directory / "var" / "gateway.db")
        for command, most_seconds in COMMANDS.items():
            scene.say(f"mig {command}")
            seconds = [_cpu_seconds(command, directory) for _ in range(scene.rounds + 1)][1:]
            median = statistics.median(seconds)
            named = command.partition(" --")[0]
            rows.append(Row(what=f"mig {named}, CPU", unit="s", ours=median, at_most=most_seconds))
    return rows


def _cpu_seconds(command: str, directory: Path) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "MIG_PREFECT__API_URL": _NO_PREFECT}
    mig = Path(sys.executable).with_name("mig")
    subprocess.run([mig, *command.split()], cwd=directory, env=environment, capture_output=True, check=False)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
