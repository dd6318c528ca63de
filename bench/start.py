"""How long a receiver with a full spool takes to answer: it was killed with everything in open groups."""

import json
import statistics
import time

from bench.profile import profiled
from bench.receivers import Receiver, gateway_at, running
from bench.row import Row
from bench.scene import Scene
from bench.sending import Load, send
from gateway.dimse.echo import echo
from gateway.dimse.peer import Peer, Timeouts

INSTANCES = 100_000
_OF_A_STUDY = 1000
_SETTINGS = {
    "MIG_APPLICATION_ENTITIES": json.dumps([{"ae_title": "MIG", "timeout_seconds": 3600}]),  # they stay open
    "MIG_SCP__REJECT_UNKNOWN_SOURCES": "false",
    "MIG_SPOOL__DURABILITY": "os",  # the files are the same, and sooner there
}


def measure(scene: Scene) -> list[Row]:
    """From the start of the process to the answer of the first C-ECHO."""
    instances = scene.amount(INSTANCES)
    load = Load(
        [scene.studies.tiny],
        repeated=instances,
        invent=("--invent-series", str(_OF_A_STUDY), "--invent-study", "1"),
    )
    seconds = []
    with scene.fresh("start") as directory:
        receiver = gateway_at(directory, **_SETTINGS)
        scene.say(f"start: {instances:,} instances are sent")
        with running(receiver.server):
            send(receiver, load)
            receiver.server.kill()
            for number in range(1, scene.rounds + 1):
                scene.say(f"start: round {number} of {scene.rounds}")
                seconds.append(_seconds_until_echo(receiver))
                receiver.server.kill()
            receiver.server.start()  # it listens at once: what takes long is still to come
            with profiled(receiver.pid, scene.profiles, "start"):
                _echo(receiver)
    return [
        Row(
            what=f"start with {instances:,} instances waiting, until the first C-ECHO is answered",
            unit="s",
            ours=statistics.median(seconds),
            at_most=5,
            note=f"killed with {instances // _OF_A_STUDY} studies open; small files, in the page cache",
        )
    ]


def _seconds_until_echo(receiver: Receiver) -> float:
    began = time.perf_counter()
    receiver.server.start()
    _echo(receiver)
    return time.perf_counter() - began


def _echo(receiver: Receiver) -> None:
    echo(Peer("127.0.0.1", receiver.port, receiver.ae_title, "BENCH"), Timeouts())
