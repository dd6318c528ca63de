"""The log of what sets none up: a command's, on a terminal."""

import subprocess
import sys

_SAYS = r"""
from gateway.log import Logger
Logger("gateway.somewhere").warning("it said\r\n\x1b[2J", calling_ae="CT01\n2026-11-27 info forged", instances=3)
"""


def test_what_comes_from_outside_gives_a_terminal_no_orders() -> None:
    ran = subprocess.run([sys.executable, "-c", _SAYS], capture_output=True, text=True, check=True)
    (line,) = ran.stderr.splitlines()
    assert line.isprintable()
    assert r"it said\r\n\x1b[2J" in line
    assert "instances=3" in line
    assert ran.stdout == ""
