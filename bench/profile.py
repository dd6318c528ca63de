"""Profiles of hot paths, as flame graphs by py-spy, in rounds that do not count."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.attached import attached

_PY_SPY = Path(sys.executable).with_name("py-spy")
_DIRECTORIES = re.compile(r"(?<![\w.:/<])/(?:[\w.+@~-]+/)+")  # and no address, no end of an element


@contextmanager
def profiled(pid: int, directory: Path | None, name: str) -> Iterator[None]:
    """Keep a profile of a process and its children during the block, in `directory`; without one, the block alone.

    Where the system does not let us look into processes there is none.
    """
    if directory is None:
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    graph = directory / f"{name}.svg"
    with attached(_command(pid, graph), b"Sampling", directory):
        yield
    _forget_places(graph)


def _forget_places(graph: Path) -> None:
    """Leave the names of files, without the directories of this machine."""
    if graph.exists():
        graph.write_text(_DIRECTORIES.sub("", graph.read_text(encoding="utf-8")), encoding="utf-8")


def _command(pid: int, graph: Path) -> list[str | Path]:
    # Without pauses: they would stop who is profiled for longer than it works.
    options: list[str | Path] = ["--rate", "250", "--nonblocking", "--subprocesses", "--output", graph]
    return [_PY_SPY, "record", *options, "--pid", str(pid)]
