"""Whether an instance of a large group costs more than one of a small group, manifests included."""

import json
import re
from dataclasses import replace
from functools import partial

from bench.cost import cpu_seconds
from bench.receivers import Receiver, gateway
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.sending import NEW_INSTANCES, Load, send, send_warm
from tests.waiting import wait_until

LARGE, SMALL = 20_000, 200
_AT_MOST = 1.2
_ROUNDS = 3
_QUICKLY_CLOSED = json.dumps([{"ae_title": "MIG", "timeout_seconds": 1}])


def measure(scene: Scene) -> list[Row]:
    """20,000 MR instances over one association, as one study and as studies of 200."""
    large, small = scene.amount(LARGE), scene.amount(SMALL)
    repeated = max(1, large // len(scene.studies.mr))
    files = scene.studies.mr[: large // repeated]
    loads = {
        large: Load(files, repeated=repeated, invent=NEW_INSTANCES),
        small: Load(files, repeated=repeated, invent=("--invent-series", str(small), "--invent-study", "1")),
    }
    ways = {size: partial(_round, scene, load) for size, load in loads.items()}
    found = interleaved(ways, min(scene.rounds, _ROUNDS), scene.say, "groups")
    of_large, of_small = Median.of(found[large]), Median.of(found[small])
    what, peer = f"an instance of a group of {large:,}, MR 33 KB", f"of a group of {small}"
    return [
        Row(
            what=f"CPU for {what}",
            unit="ms",
            ours=of_large.cpu_ms,
            peer=of_small.cpu_ms,
            peer_name=peer,
            at_most=_AT_MOST,
            note="manifests included",
        ),
        Row(
            what=f"time for {what}",
            unit="ms",
            ours=1000 / of_large.rate,
            peer=1000 / of_small.rate,
            peer_name=peer,
            at_most=_AT_MOST,
            peak_mb=of_large.peak_mb,
            peer_peak_mb=of_small.peak_mb,
        ),
    ]


def _round(scene: Scene, load: Load) -> Sample:
    settings = {"MIG_APPLICATION_ENTITIES": _QUICKLY_CLOSED, "MIG_SCP__REJECT_UNKNOWN_SOURCES": "false"}
    with scene.fresh("groups") as directory, gateway(directory, **settings) as receiver:
        send_warm(receiver, Load(load.files[:20]))
        before, cpu_before = _instances_ready(receiver), cpu_seconds(receiver.pid)
        sample = send(receiver, load)
        wait_until(lambda: _instances_ready(receiver) >= before + load.instances, 120, "every manifest")
        return replace(sample, cpu_seconds=cpu_seconds(receiver.pid) - cpu_before)


def _instances_ready(receiver: Receiver) -> int:
    log = receiver.server.log.read_text(encoding="utf-8")
    return sum(int(count) for count in re.findall(r"payload ready .*?instances=(\d+)", log))
