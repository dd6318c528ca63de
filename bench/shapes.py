"""Studies of other shapes than one plain series: what grouping costs."""

import json
from functools import partial
from itertools import chain

from bench.profile import profiled
from bench.receivers import gateway
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.sending import Load, send_warm

_BY_SERIES = json.dumps([{"ae_title": "MIG", "grouping": "0020,000E"}])
_OTHER_UIDS = ("--invent-instance",)
_OTHER_STUDIES = ("--invent-series", "1", "--invent-study", "1")
PLAIN, SINGLE, MIXED = "one plain series", "studies of one instance", "two series interleaved in one association"
_AT_LEAST = {SINGLE: 0.3, MIXED: 0.9}


def measure(scene: Scene) -> list[Row]:
    """The same number of MR instances in each shape, over one association, to an AE that groups by series."""
    first, second = scene.studies.mr, scene.studies.mr_of_another_series
    alternating = list(chain.from_iterable(zip(first, second, strict=True)))
    count = scene.amount(3000)
    loads = {
        PLAIN: Load((first * 3)[:count], invent=_OTHER_UIDS),
        SINGLE: Load((first * 3)[:count], invent=_OTHER_STUDIES),
        MIXED: Load((alternating * 2)[:count], invent=_OTHER_UIDS),
    }
    ways = {name: partial(_round, scene, load) for name, load in loads.items()}
    found = interleaved(ways, scene.rounds, scene.say, "shapes")
    if scene.profiles:
        _round(scene, loads[SINGLE], "intake-studies-of-one")
    medians = {name: Median.of(samples) for name, samples in found.items()}
    return [_row(name, medians[name], medians[PLAIN]) for name in (SINGLE, MIXED)]


def _round(scene: Scene, load: Load, profile: str = "") -> Sample:
    with (
        scene.fresh("shapes") as directory,
        gateway(directory, MIG_APPLICATION_ENTITIES=_BY_SERIES, MIG_SCP__REJECT_UNKNOWN_SOURCES="false") as receiver,
        profiled(receiver.pid, scene.profiles if profile else None, profile),
    ):
        return send_warm(receiver, load)


def _row(name: str, ours: Median, plain: Median) -> Row:
    return Row(
        what=f"intake of {name}, MR 33 KB",
        unit="instances/s",
        ours=ours.rate,
        peer=plain.rate,
        peer_name=PLAIN,
        at_least=_AT_LEAST[name],
        cpu_ms=ours.cpu_ms,
        peer_cpu_ms=plain.cpu_ms,
        note=ours.limit(),
    )
