"""How fast instances go out by C-STORE: the gateway's sender beside dcmsend, to a receiver that keeps nothing."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import receivers
from bench.alone import Work, alone, profile_alone
from bench.cost import cpu_seconds
from bench.listing import read_listing, write_listing
from bench.receivers import Receiver
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.sending import environment
from gateway.dicom.part10_file import Part10File
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.store import store_files
from tests.peers.components import DCMTK

KEEP_NOTHING = ("--ignore", "--max-pdu", "131072")
_STARTS = 5


def by_gateway(port: str, ae_title: str, listing: str, operations: str = "1") -> Work:
    """Send what `listing` names, a file in each line, over one association, so many at once where that is granted."""
    peer = Peer("127.0.0.1", int(port), ae_title, "MIG")
    paths = read_listing(listing)

    def work() -> int:
        sent = store_files(peer, Timeouts(), map(Part10File.at, paths), threading.Event(), int(operations))
        return sum(outcome.is_stored for _, outcome in sent)

    return work


def measure(scene: Scene) -> list[Row]:
    """CT and MR over one association."""
    loads = {"CT 525 KB": scene.studies.ct * 2, "MR 33 KB": scene.studies.mr * 3}
    rows = []
    with scene.fresh("store") as directory, receivers.storescp(directory, *KEEP_NOTHING) as receiver:
        for kind, files in loads.items():
            rows.append(_row(scene, receiver, kind, files[: scene.amount(len(files))]))
    return rows


def _row(scene: Scene, receiver: Receiver, kind: str, files: Sequence[Path]) -> Row:
    listing = write_listing(scene, files)
    start_seconds = statistics.median(by_dcmsend(receiver, files[:1]).seconds for _ in range(_STARTS))
    ways = {
        "gateway": partial(_gateway, receiver, listing, len(files)),
        "dcmsend": partial(by_dcmsend, receiver, files, start_seconds),
    }
    samples = interleaved(ways, scene.rounds, scene.say, f"send {kind}")
    profile = f"store-{kind.split(maxsplit=1)[0].lower()}"
    profile_alone(scene.profiles, profile, by_gateway, receiver.port, receiver.ae_title, listing)
    ours, peer = Median.of(samples["gateway"]), Median.of(samples["dcmsend"])
    return Row(
        what=f"C-STORE send, {kind}, 1 association",
        unit="instances/s",
        ours=ours.rate,
        peer=peer.rate,
        peer_name="dcmsend, TCP_NODELAY",
        at_least=1.0,
        cpu_ms=ours.cpu_ms,
        peer_cpu_ms=peer.cpu_ms,
        peak_mb=ours.peak_mb,
        note=f"dcmsend less the {1000 * start_seconds:.0f} ms that one file takes it; "
        f"the receiver, dcmtk storescp --ignore, was busy {ours.other_cores:.0%} and {peer.other_cores:.0%} of a core",
    )


def _gateway(receiver: Receiver, listing: Path, count: int) -> Sample:
    before = cpu_seconds(receiver.pid)
    sample = alone(by_gateway, receiver.port, receiver.ae_title, listing)
    assert sample.instances == count, f"{count - sample.instances} instances were not stored"
    return _with_receiver(sample, cpu_seconds(receiver.pid) - before)


def by_dcmsend(receiver: Receiver, files: Sequence[Path], start_seconds: float = 0.0) -> Sample:
    """The same by dcmtk, which is not charged for its start."""
    command: list[str | Path] = [DCMTK.file("dcmsend"), "--call", receiver.ae_title, "127.0.0.1", str(receiver.port)]
    before, began = cpu_seconds(receiver.pid), time.perf_counter()
    sender = subprocess.Popen([*command, *files], env=environment(nagle=False), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(sender.pid, 0)
    seconds = time.perf_counter() - began - start_seconds
    sender.returncode = os.waitstatus_to_exitcode(status)
    assert sender.returncode == 0, "dcmsend could not send"
    sample = Sample(len(files), seconds, usage.ru_utime + usage.ru_stime)
    return _with_receiver(sample, cpu_seconds(receiver.pid) - before)


def _with_receiver(sample: Sample, cpu: float) -> Sample:
    """Here the other side is the receiver."""
    return Sample(sample.instances, sample.seconds, sample.cpu_seconds, sample.peak_bytes, cpu)
