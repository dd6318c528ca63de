"""What it costs a receiver to keep who came: with many instances in an association, and with one in each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench import receivers
from bench.receivers import Starter
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.sending import Load, send, send_warm, total

AT_LEAST = 0.97
_ALONE = 200

_KEEPING, _FORGETFUL = "keeping", "forgetful"
_RECEIVERS: dict[str, Starter] = {_KEEPING: receivers.gateway, _FORGETFUL: receivers.forgetful}


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the instances are sent to a receiver that runs."""

    what: str
    send: Callable[[receivers.Receiver], Sample]


def measure(scene: Scene) -> list[Row]:
    """The same receiver twice, one after the other in each round: one of them drops what it is told of associations."""
    ct, mr = scene.studies.ct, scene.studies.mr[: scene.amount(_ALONE)]
    loads = Load(ct[: scene.amount(len(ct))], repeated=2), [Load([each]) for each in mr]
    shapes = (
        _Shape("CT 525 KB, 1 association", lambda receiver: send_warm(receiver, loads[0])),
        _Shape("MR 33 KB, an association each", lambda receiver: total(send(receiver, load) for load in loads[1])),
    )
    ways = {(shape, name): partial(_round, scene, shape, name) for shape in shapes for name in _RECEIVERS}
    found = interleaved(ways, scene.rounds, scene.say, "associations kept")
    return [_row(shape, Median.of(found[shape, _KEEPING]), Median.of(found[shape, _FORGETFUL])) for shape in shapes]


def _round(scene: Scene, shape: _Shape, name: str) -> Sample:
    with scene.fresh("kept") as directory, _RECEIVERS[name](directory) as receiver:
        return shape.send(receiver)


def _row(shape: _Shape, keeping: Median, forgetful: Median) -> Row:
    return Row(
        what=f"intake with associations kept, {shape.what}",
        unit="instances/s",
        ours=keeping.rate,
        peer=forgetful.rate,
        peer_name="none kept",
        at_least=AT_LEAST,
        cpu_ms=keeping.cpu_ms,
        peer_cpu_ms=forgetful.cpu_ms,
        note=keeping.limit(),
    )
