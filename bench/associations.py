"""Many associations at once against a few: what they all bring together."""

from functools import partial

from bench import replay
from bench.alone import alone
from bench.cost import cpu_seconds, peak_bytes
from bench.receivers import gateway
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene

MANY, FEW = 50, 4
INSTANCES = 12_000


def measure(scene: Scene) -> list[Row]:
    """MR instances, as many in all over fifty associations as over four."""
    ways = {associations: partial(_round, scene, associations) for associations in (FEW, MANY)}
    found = interleaved(ways, scene.rounds, scene.say, "many associations")
    many, few = Median.of(found[MANY]), Median.of(found[FEW])
    busy = f"the sender, a replay from one thread, was busy {many.other_cores:.0%} and {few.other_cores:.0%} of a core"
    return [
        Row(
            what=f"intake over {MANY} associations at once, MR 33 KB",
            unit="instances/s",
            ours=many.rate,
            peer=few.rate,
            peer_name=f"{FEW} associations",
            at_least=0.8,
            cpu_ms=many.cpu_ms,
            peer_cpu_ms=few.cpu_ms,
            peak_mb=many.peak_mb,
            peer_peak_mb=few.peak_mb,
            note=busy,
        )
    ]


def _round(scene: Scene, associations: int) -> Sample:
    file, each = scene.studies.mr[0], scene.amount(INSTANCES) // associations
    with scene.fresh("associations") as directory, gateway(directory) as receiver:
        alone(replay.prepare, receiver.port, receiver.ae_title, file, 1, 100)
        before = cpu_seconds(receiver.pid)
        sample = alone(replay.prepare, receiver.port, receiver.ae_title, file, associations, each)
        used, peak = cpu_seconds(receiver.pid) - before, peak_bytes(receiver.pid)
    return Sample(sample.instances, sample.seconds, used, peak, sample.cpu_seconds)
