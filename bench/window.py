"""A receiver some way off: files that go out one at a time wait for each answer, those of a window do not."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import receivers
from bench.alone import alone
from bench.listing import write_listing
from bench.receivers import Receiver
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.store import by_dcmsend, by_gateway
from tests.peers import toxiproxy

DELAY_SECONDS = 0.010  # of each answer
OPERATIONS = 8  # as a destination has it by default
_FILES = 200


def measure(scene: Scene) -> list[Row]:
    """MR over one association to the gateway's receiver, which grants a window to whoever asks for one."""
    files = scene.studies.mr[: scene.amount(_FILES)]
    listing = write_listing(scene, files)
    with (
        scene.fresh("window") as directory,
        receivers.gateway(directory) as receiver,
        toxiproxy.running(directory) as network,
    ):
        link = network.new_proxy(receiver.port)
        link.delay(DELAY_SECONDS)
        far = Receiver(receiver.ae_title, link.port, receiver.server)
        ways = {
            "window": partial(_round, far, listing, files, OPERATIONS),
            "one": partial(_round, far, listing, files, 1),
            "dcmsend": partial(by_dcmsend, far, files),
        }
        samples = interleaved(ways, scene.rounds, scene.say, "window of operations")
    found = {name: Median.of(each) for name, each in samples.items()}
    return [
        Row(
            what=f"C-STORE send, MR 33 KB, answers delayed by {1000 * DELAY_SECONDS:.0f} ms, {OPERATIONS} at once",
            unit="instances/s",
            ours=found["window"].rate,
            peer=found["dcmsend"].rate,
            peer_name="dcmsend, TCP_NODELAY",
            cpu_ms=found["window"].cpu_ms,
            peer_cpu_ms=found["dcmsend"].cpu_ms,
            note=f"one at a time: {found['one'].rate:.0f}/s",
        )
    ]


def _round(far: Receiver, listing: Path, files: Sequence[Path], operations: int) -> Sample:
    sample = alone(by_gateway, far.port, far.ae_title, listing, operations)
    assert sample.instances == len(files), "instances were not stored"
    return sample
