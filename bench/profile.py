"""Profiles of hot paths, in rounds that do not count: by py-spy where that is installed, else by perf."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

_BEGIN_SECONDS = _END_SECONDS = 60


@contextmanager
def profiled(pid: int, directory: Path | None, name: str) -> Iterator[None]:
    """Keep a profile of a process during the block; without a directory, or without a profiler, the block alone."""
    if directory is None or not (command := _recorder(directory, name)):
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    begun = directory / f"{name}.begun"
    with begun.open("wb") as told:
        recorder = subprocess.Popen([*command, "--pid", str(pid)], stdout=told, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _is_recording(directory, name), _BEGIN_SECONDS, "the profiler to begin")
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(_END_SECONDS)
        begun.unlink()
    _report(directory, name)


def _recorder(directory: Path, name: str) -> list[str]:
    beside_python = Path(sys.executable).parent
    if py_spy := shutil.which("py-spy", path=beside_python) or shutil.which("py-spy"):
        return [py_spy, "record", "--rate", "500", "--output", str(directory / f"{name}.svg")]
    if perf := shutil.which("perf"):
        return [perf, "record", "--output", str(_recording(directory, name))]
    return []


def _is_recording(directory: Path, name: str) -> bool:
    """py-spy says so, perf has made its file."""
    return b"Sampling process" in (directory / f"{name}.begun").read_bytes() or _recording(directory, name).exists()


def _report(directory: Path, name: str) -> None:
    """What perf recorded is of use on this machine only: keep what it tells."""
    recording = _recording(directory, name)
    if not recording.exists():
        return
    command = ["perf", "report", "--stdio", "--percent-limit", "0.5", "--input", str(recording)]
    told = subprocess.run(command, capture_output=True, check=True)
    (directory / f"{name}.txt").write_bytes(told.stdout)
    recording.unlink()


def _recording(directory: Path, name: str) -> Path:
    return directory / f"{name}.perf"
