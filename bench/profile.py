"""A profile of a process while it works: by py-spy where that is installed, else by perf."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_END_SECONDS = 60


@contextmanager
def profiled(pid: int, directory: Path | None, name: str) -> Iterator[None]:
    """Keep a profile of the block below `directory`; without one, or without a profiler, the block alone."""
    if directory is None or not (command := _recorder(pid, directory, name)):
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(_END_SECONDS)
    _report(directory, name)


def _recorder(pid: int, directory: Path, name: str) -> list[str]:
    if py_spy := shutil.which("py-spy"):
        return [py_spy, "record", "--native", "--pid", str(pid), "--output", str(directory / f"{name}.svg")]
    if perf := shutil.which("perf"):
        return [perf, "record", "--call-graph", "fp", "--pid", str(pid), "--output", str(_recording(directory, name))]
    return []


def _report(directory: Path, name: str) -> None:
    """What perf recorded is of use on this machine only: keep what it tells."""
    recording = _recording(directory, name)
    if not recording.exists():
        return
    command = ["perf", "report", "--stdio", "--no-children", "--percent-limit", "0.5", "--input", str(recording)]
    told = subprocess.run(command, capture_output=True, check=True)
    (directory / f"{name}.txt").write_bytes(told.stdout)
    recording.unlink()


def _recording(directory: Path, name: str) -> Path:
    return directory / f"{name}.perf"
