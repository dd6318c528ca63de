"""How many payloads one worker finishes in a minute, with Prefect on PostgreSQL."""

import statistics

from bench.row import Row
from bench.scene import Scene
from bench.sending import Load, send
from bench.site import Site, open_site, surroundings

PAYLOADS = 150
ROUNDS = 3


def measure(scene: Scene) -> list[Row]:
    """Studies of one small instance, all ready at once."""
    payloads = scene.amount(PAYLOADS)
    rates = []
    with (
        scene.fresh("throughput") as directory,
        surroundings(directory) as around,
        open_site(directory, "PostgreSQL", around) as site,
    ):
        _finished_per_minute(scene, site, 4)  # everything is warm from here on
        for number in range(1, min(scene.rounds, ROUNDS) + 1):
            scene.say(f"throughput: round {number}")
            rates.append(_finished_per_minute(scene, site, payloads))
    return [
        Row(
            what="payloads finished by one worker, Prefect on PostgreSQL",
            unit="payloads/min",
            ours=statistics.median(rates),
            at_least=150,
            note=f"{payloads} studies of one small instance, ready at once; from the first manifest to the last end",
        )
    ]


def _finished_per_minute(scene: Scene, site: Site, payloads: int) -> float:
    one_study_each = ("--invent-series", "1", "--invent-study", "1")
    send(site.receiver, Load([scene.studies.tiny], repeated=payloads, invent=one_study_each))
    payload_ids = site.announced(payloads)
    began = min(site.logged(f"payload ready payload={payload_id}").timestamp() for payload_id in payload_ids)
    ended = max(run.end_time.timestamp() for run in site.finished_runs(payload_ids) if run.end_time)
    return 60 * payloads / (ended - began)
