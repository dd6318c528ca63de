"""How much memory a piece of work takes at its height, told by a process that does nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path


def resident_bytes(high_water: bool = False) -> int:
    """The memory of this process that is in use; or the most that was, since `forget_high_water`."""
    name = "VmHWM" if high_water else "VmRSS"
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def forget_high_water() -> None:
    """Let the high-water mark start from here (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def run_module(module: str, *arguments: object) -> dict[str, object]:
    """Run a module of these tests in a process of its own; return the JSON object that it prints."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
    told: dict[str, object] = json.loads(finished.stdout)
    return told
