"""Profiles of hot paths, as flame graphs by py-spy, in rounds that do not count."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

_PY_SPY = Path(sys.executable).with_name("py-spy")
_DIRECTORIES = re.compile(r"(?<![\w.:/<])/(?:[\w.+@~-]+/)+")  # and no address, no end of an element
_BEGIN_SECONDS = _END_SECONDS = 60


@contextmanager
def profiled(pid: int, directory: Path | None, name: str) -> Iterator[None]:
    """Keep a profile of a process and its children during the block, in `directory`; without one, the block alone.

    Where the system does not let us look into processes there is none, which is told.
    """
    if directory is None:
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{name}.log"
    with log.open("wb") as told:
        recorder = subprocess.Popen(_command(pid, directory / f"{name}.svg"), stdout=told, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: b"Sampling" in log.read_bytes() or recorder.poll() is not None, _BEGIN_SECONDS, "py-spy")
        if recorder.poll() is not None:
            print(f"no profile of {name}: {log.read_text().strip()}", file=sys.stderr)
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(_END_SECONDS)
        log.unlink()
    _forget_places(directory / f"{name}.svg")


def _forget_places(graph: Path) -> None:
    """Leave the names of files, without the directories of this machine."""
    if graph.exists():
        graph.write_text(_DIRECTORIES.sub("", graph.read_text(encoding="utf-8")), encoding="utf-8")


def _command(pid: int, file: Path) -> list[str | Path]:
    # Without pauses: they would stop who is profiled for longer than it works.
    options: list[str | Path] = ["--rate", "250", "--nonblocking", "--subprocesses", "--output", file]
    return [_PY_SPY, "record", *options, "--pid", str(pid)]
