"""Processes of their own beside a receiver's: what a peer does to it takes nothing of its interpreter."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_its_side(module: str, *arguments: str | int) -> Iterator[None]:
    """Run `tests.listeners.scp.<module>` from when it says, in a line, that it is at it; kill it in the end."""
    command = [sys.executable, "-m", f"tests.listeners.scp.{module}", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "at it\n"
            yield
        finally:
            process.kill()
