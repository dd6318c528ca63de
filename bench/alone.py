"""A piece of work in a process of its own, which tells its time, its CPU and its memory.

    python -m bench.alone MODULE FUNCTION ARGUMENT...

The function makes ready and returns what is to be timed, which returns how many instances it handled.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.profile import profile_command
from bench.sample import Sample
from tests.memory import forget_high_water, resident_bytes

Work = Callable[[], int]


def alone(prepare: Callable[..., Work], *arguments: object) -> Sample:
    """Do what `prepare`, a function of a module, makes ready. Memory is what that took above the idle process."""
    told = json.loads(subprocess.run(_command(prepare, arguments), stdout=subprocess.PIPE, check=True).stdout)
    return Sample(**told)


def profile_alone(directory: Path | None, name: str, prepare: Callable[..., Work], *arguments: object) -> None:
    """Do it once more, and keep a profile, where profiles are wanted."""
    profile_command(_command(prepare, arguments), directory, name)


def _command(prepare: Callable[..., Work], arguments: Iterable[object]) -> list[str]:
    return [sys.executable, "-m", "bench.alone", prepare.__module__, prepare.__name__, *map(str, arguments)]


def _main(module: str, function: str, *arguments: str) -> None:
    prepare: Callable[..., Work] = getattr(importlib.import_module(module), function)
    forget_high_water()
    idle_bytes = resident_bytes()
    work = prepare(*arguments)
    began, cpu_before = time.perf_counter(), time.process_time()
    instances = work()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_before
    peak_bytes = resident_bytes(high_water=True) - idle_bytes
    told = {"instances": instances, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes}
    print(json.dumps(told))


if __name__ == "__main__":
    _main(*sys.argv[1:])
