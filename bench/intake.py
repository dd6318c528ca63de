"""How fast instances come in: the gateway beside dcmtk's storescp and Orthanc, in interleaved rounds."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import receivers
from bench.cost import cpu_seconds, peak_bytes
from bench.receivers import Receiver
from examples.ct_study import made_ct_study
from examples.made_study import write_study
from examples.mr_study import made_mr_study
from tests.peers.components import DCMTK

ROUNDS = 3
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: files of one size, each association all of them, as new instances."""

    name: str
    files: list[Path]
    associations: int

    @property
    def instances(self) -> int:
        return len(self.files) * self.associations

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files) * self.associations


@dataclass(slots=True)
class Figures:
    """One receiver under one load, a value for each round."""

    seconds: list[float] = field(default_factory=list)
    cpu_milliseconds: list[float] = field(default_factory=list)  # for each instance


def measure(directory: Path, say: Callable[[str], None]) -> list[str]:
    """Return the rows of a Markdown table, one for each load and receiver."""
    loads = _loads(directory)
    with ExitStack() as running:
        starting = [
            receivers.gateway(directory / "gateway"),
            receivers.gateway(directory / "gateway-os", durability="os"),
            receivers.storescp(directory / "storescp"),
            receivers.archive(directory / "orthanc"),
        ]
        peers = [running.enter_context(starter) for starter in starting]
        figures = {(load.name, load.associations, peer.name): Figures() for load in loads for peer in peers}
        for number in range(ROUNDS):
            for load in loads:
                for peer in peers:
                    say(
                        f"round {number + 1} of {ROUNDS}: {load.associations} associations, {load.name}, to {peer.name}"
                    )
                    _round(peer, load, figures[load.name, load.associations, peer.name])
        memory = [f"Peak memory: {', '.join(f'{peer.name} {_megabytes(peer)} MB' for peer in peers)}"]
    return [*_table(loads, peers, figures), "", *memory]


def _loads(directory: Path) -> list[Load]:
    ct = write_study(made_ct_study(324), directory / "ct")
    mr = write_study(made_mr_study(1000), directory / "mr")
    return [
        Load(name, files, associations)
        for name, files in (("CT 525 KB", ct), ("MR 33 KB", mr))
        for associations in (1, 4)
    ]


def _round(peer: Receiver, load: Load, figures: Figures) -> None:
    assert peer.server.pid is not None
    cpu_before, began = cpu_seconds(peer.server.pid), time.perf_counter()
    senders = [_sender(peer, load) for _ in range(load.associations)]
    for sender in senders:
        assert sender.wait() == 0, f"storescu could not send to {peer.name}"
    figures.seconds.append(time.perf_counter() - began)
    used = cpu_seconds(peer.server.pid) - cpu_before
    figures.cpu_milliseconds.append(1000 * used / load.instances)
    time.sleep(PAUSE_SECONDS)  # what the receiver still does is not the next one's to pay


def _sender(peer: Receiver, load: Load) -> "subprocess.Popen[bytes]":
    command = [str(DCMTK.file("storescu")), "--quiet", "--invent-series", "100000", "--invent-study", "100000"]
    command += ["--call", peer.ae_title, "127.0.0.1", str(peer.port), *map(str, load.files)]
    return subprocess.Popen(command, env=os.environ | receivers.NO_DELAY)


def _table(loads: list[Load], peers: list[Receiver], figures: dict[tuple[str, int, str], Figures]) -> list[str]:
    rows = [
        "| sent | associations | receiver | instances/s | MB/s | CPU ms/instance |",
        "| --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for load in loads:
        for peer in peers:
            found = figures[load.name, load.associations, peer.name]
            seconds = statistics.median(found.seconds)
            cpu = statistics.median(found.cpu_milliseconds)
            rate, throughput = load.instances / seconds, load.bytes / seconds / 1e6
            rows.append(
                f"| {load.name} | {load.associations} | {peer.name} | {rate:,.0f} | {throughput:,.0f} | {cpu:.2f} |"
            )
    return rows


def _megabytes(peer: Receiver) -> int:
    assert peer.server.pid is not None
    return peak_bytes(peer.server.pid) // 1_000_000
