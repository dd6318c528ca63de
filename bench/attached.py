"""Programs that look into a process from outside: strace, py-spy."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

_SECONDS = 60


@contextmanager
def attached(command: Sequence[str | Path], sign: bytes, directory: Path) -> Iterator[bool]:
    """Have `command` look on during the block, from when it has said `sign`.

    Yields whether it can: where the system does not let it, why is told. `directory` holds what it says meanwhile.
    """
    log = directory / "attached.log"
    with log.open("wb") as told:
        looking = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: sign in log.read_bytes() or looking.poll() is not None, _SECONDS, f"{command[0]} to begin")
        looks = looking.poll() is None
        if not looks:
            print(log.read_text(encoding="utf-8").strip(), file=sys.stderr)
        yield looks
    finally:
        looking.send_signal(signal.SIGINT)
        looking.wait(_SECONDS)
        log.unlink()
