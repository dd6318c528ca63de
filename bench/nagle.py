"""Senders that leave Nagle's algorithm on, as dcmtk's and Orthanc's do by default, and what receivers do."""

from functools import partial

from bench import receivers
from bench.receivers import Starter
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.sending import Load, send_warm

_FEW = 60  # for a receiver that takes some twenty a second


def measure(scene: Scene) -> list[Row]:
    """CT and MR over one association, to the gateway and to storescp, neither sender nor storescp with TCP_NODELAY."""
    loads = {"CT 525 KB": scene.studies.ct, "MR 33 KB": scene.studies.mr}
    slow = partial(receivers.storescp, nagle=True)
    rows = []
    for kind, files in loads.items():
        ours = Load(files[: scene.amount(len(files))], nagle=True)
        few = Load(files[: scene.amount(_FEW)], nagle=True)
        ways = {
            "gateway": partial(_round, scene, receivers.gateway, ours),
            "storescp": partial(_round, scene, slow, few),
        }
        found = interleaved(ways, scene.rounds, scene.say, f"Nagle, {kind}")
        rows.append(_row(kind, Median.of(found["gateway"]), Median.of(found["storescp"])))
    return rows


def _round(scene: Scene, start: Starter, load: Load) -> Sample:
    with scene.fresh("nagle") as directory, start(directory) as receiver:
        return send_warm(receiver, load)


def _row(kind: str, ours: Median, peer: Median) -> Row:
    return Row(
        what=f"intake from storescu with Nagle on, {kind}",
        unit="instances/s",
        ours=ours.rate,
        peer=peer.rate,
        peer_name="dcmtk storescp",
        at_least=20,
        cpu_ms=ours.cpu_ms,
        peer_cpu_ms=peer.cpu_ms,
    )
