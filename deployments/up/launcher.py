"""Become another program that the kernel kills when our parent ends, however that ends.

    python launcher.py PARENT PROGRAM ARGUMENT…

Run by path and with -I, so that it starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Replace this process by `command`."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:  # else it has ended already, and no signal will come
        os.execvp(command[0], command)  # noqa: S606 - what `mig up` made


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
