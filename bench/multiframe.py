"""One very large instance, from the gateway's sender to the gateway's receiver: the memory that each takes."""

import statistics

from bench.alone import alone
from bench.cost import forget_peak, peak_bytes, resident_bytes
from bench.listing import write_listing
from bench.receivers import gateway
from bench.row import Row
from bench.sample import Sample
from bench.scene import Scene
from bench.store import by_gateway
from examples.ultrasound import write_ultrasound_clip

BYTES = 2_000_000_000
_ROUNDS = 3
_MOST_MEGABYTES = 32


def measure(scene: Scene) -> list[Row]:
    """Above what sender and receiver have while they idle."""
    clip, size = scene.work / "clip.dcm", scene.amount(BYTES)
    write_ultrasound_clip(clip, size)
    listing = write_listing(scene, [clip])
    received, sent = [], []
    for number in range(1, min(scene.rounds, _ROUNDS) + 1):
        scene.say(f"multi-frame: round {number}")
        with scene.fresh("multiframe") as directory, gateway(directory) as receiver:
            forget_peak(receiver.pid)
            idle_bytes = resident_bytes(receiver.pid)
            sample = alone(by_gateway, receiver.port, receiver.ae_title, listing)
            assert sample.instances == 1, "the clip was not stored"
            received.append(peak_bytes(receiver.pid) - idle_bytes)
            sent.append(sample)
    clip.unlink()
    what = f"multi-frame instance of {size / 1e9:g} GB"
    sent_bytes = statistics.median(each.peak_bytes for each in sent)
    return [
        _row(f"memory above idle, {what} received", statistics.median(received), ""),
        _row(f"memory above idle, {what} sent", sent_bytes, _speed(sent, size)),
    ]


def _row(what: str, used_bytes: float, note: str) -> Row:
    return Row(what=what, unit="MB", ours=used_bytes / 1e6, at_most=_MOST_MEGABYTES, note=note)


def _speed(sent: list[Sample], size: int) -> str:
    return f"{size / 1e6 * statistics.median(each.rate for each in sent):,.0f} MB/s, to our own receiver, durable"
