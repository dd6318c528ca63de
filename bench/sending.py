"""dcmtk's storescu as the sender: as many as are wanted, started together, each over one association."""

import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cost import cpu_seconds, peak_bytes
from bench.receivers import Receiver
from bench.sample import Sample
from tests.peers.components import DCMTK

NEW_INSTANCES = ("--invent-series", "100000", "--invent-study", "100000")
"""Each association sends a new study of one series."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: over each association all the files, each `repeated` times, as new instances."""

    files: Sequence[Path]
    associations: int = 1
    repeated: int = 1
    invent: Sequence[str] = NEW_INSTANCES
    nagle: bool = False

    @property
    def instances(self) -> int:
        """How many are sent in all."""
        return len(self.files) * self.repeated * self.associations


def send(receiver: Receiver, load: Load) -> Sample:
    """Send, and return what it took the receiver, from the start of the senders to the end of the last."""
    cpu_before, began = cpu_seconds(receiver.pid), time.perf_counter()
    senders = [_storescu(receiver, load) for _ in range(load.associations)]
    sender_cpu_seconds = sum(map(_finish, senders))
    seconds = time.perf_counter() - began
    used = cpu_seconds(receiver.pid) - cpu_before
    return Sample(load.instances, seconds, used, peak_bytes(receiver.pid), sender_cpu_seconds)


def send_warm(receiver: Receiver, load: Load) -> Sample:
    """The same, after a few instances that do not count: no receiver pays for what it does only once."""
    send(receiver, Load(load.files[:20]))
    return send(receiver, load)


def _storescu(receiver: Receiver, load: Load) -> "subprocess.Popen[bytes]":
    command: list[str | Path] = [DCMTK.file("storescu"), "--quiet", "--repeat", str(load.repeated), *load.invent]
    command += ["--call", receiver.ae_title, "127.0.0.1", str(receiver.port), *load.files]
    return subprocess.Popen(command, env=environment(nagle=load.nagle))


def environment(*, nagle: bool) -> dict[str, str]:
    """What dcmtk's programs are started with: only TCP_NODELAY keeps them from leaving Nagle's algorithm on."""
    inherited = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    return inherited if nagle else inherited | {"TCP_NODELAY": "1"}


def _finish(sender: "subprocess.Popen[bytes]") -> float:
    """Wait for its end; return the CPU time that it took."""
    _, status, usage = os.wait4(sender.pid, 0)
    sender.returncode = os.waitstatus_to_exitcode(status)
    if sender.returncode:
        raise subprocess.CalledProcessError(sender.returncode, "storescu")
    return usage.ru_utime + usage.ru_stime


def total(samples: Iterable[Sample]) -> Sample:
    """Loads that were sent one after the other, as one."""
    all_of_them = list(samples)
    return Sample(
        sum(each.instances for each in all_of_them),
        sum(each.seconds for each in all_of_them),
        sum(each.cpu_seconds for each in all_of_them),
        max(each.peak_bytes for each in all_of_them),
        sum(each.other_cpu_seconds for each in all_of_them),
    )
