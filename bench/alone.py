"""A piece of work in a process of its own, which tells its time, its CPU and its memory.

    python -m bench.alone MODULE FUNCTION ARGUMENT...

The function makes ready and returns what is to be timed, which returns how many instances it handled.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.profile import profiled
from bench.sample import Sample
from tests.memory import forget_high_water, resident_bytes

Work = Callable[[], int]

_PROFILE = "BENCH_PROFILE"  # the file, in the child's environment


def alone(prepare: Callable[..., Work], *arguments: object) -> Sample:
    """Do what `prepare`, a function of a module, makes ready. Memory is what that took above the idle process."""
    return _run(prepare, arguments, {})


def profile_alone(directory: Path | None, name: str, prepare: Callable[..., Work], *arguments: object) -> None:
    """Do it once more, and keep a profile of the work, where profiles are wanted."""
    if directory is not None:
        _run(prepare, arguments, {_PROFILE: str(directory / name)})


def _run(prepare: Callable[..., Work], arguments: tuple[object, ...], environment: dict[str, str]) -> Sample:
    command = [sys.executable, "-m", "bench.alone", prepare.__module__, prepare.__name__, *map(str, arguments)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | environment, check=True)
    return Sample(**json.loads(finished.stdout))


def _main(module: str, function: str, *arguments: str) -> None:
    prepare: Callable[..., Work] = getattr(importlib.import_module(module), function)
    forget_high_water()
    idle_bytes = resident_bytes()
    work = prepare(*arguments)
    profile = Path(os.environ.get(_PROFILE, ""))
    with profiled(os.getpid(), profile.parent if profile.name else None, profile.name):
        instances, seconds, cpu_seconds = _timed(work)
    peak_bytes = resident_bytes(high_water=True) - idle_bytes
    told = {"instances": instances, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes}
    print(json.dumps(told))


def _timed(work: Work) -> tuple[int, float, float]:
    began, cpu_before = time.perf_counter(), time.process_time()
    instances = work()
    return instances, time.perf_counter() - began, time.process_time() - cpu_before


if __name__ == "__main__":
    _main(*sys.argv[1:])
