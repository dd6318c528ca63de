"""What an operator asks of a gateway that has announced a million payloads: pages of the index, on both databases."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert

from bench.row import Row
from bench.scene import Scene
from gateway.database import open_database
from gateway.payloads.finding import PayloadFilter
from gateway.payloads.index import PayloadIndex
from gateway.payloads.rows import Dispatch, payloads
from gateway.payloads.studies import studies
from gateway.work.rows import NEW_WORK
from tests.peers import postgresql

PAYLOADS = 1_000_000
MOST_MS = 50.0

_PAGE = 21  # one more than are shown: whether there are more
_AT_ONCE = 10_000
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_EVERY = timedelta(minutes=1)
_SENDERS = 50
_TRIES = 9


def measure(scene: Scene) -> list[Row]:
    """Each question, the median of some tries."""
    rows = []
    for name, database in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        with scene.fresh("pages") as directory, database(directory) as engine:
            scene.say(f"pages: {name} is filled")
            count = scene.amount(PAYLOADS)
            _fill(engine, count)
            for question, ask in _questions(PayloadIndex(engine), count).items():
                scene.say(f"pages, {name}: {question}")
                what = f"of {count:,} payloads, {name}: {question}"
                rows.append(Row(what=what, unit="ms", ours=_milliseconds(ask), at_most=MOST_MS))
    return rows


def _questions(index: PayloadIndex, count: int) -> dict[str, Callable[[], object]]:
    (middle,) = index.newest(1, PayloadFilter(until=_FIRST + count // 2 * _EVERY))
    rarely, often = PayloadFilter(ae="CT07"), PayloadFilter(ae="MIG")
    return {
        "the first page": lambda: index.newest(_PAGE),
        "a page in the middle": lambda: index.newest(_PAGE, after=middle),
        "by study": lambda: index.newest(_PAGE, PayloadFilter(study=_study(count // 2))),
        "by an AE title of one in fifty": lambda: index.newest(_PAGE, rarely),
        "by the AE title of all": lambda: index.newest(_PAGE, often),
        "what is not announced": lambda: index.newest(_PAGE, PayloadFilter(announced=False)),
        "by the beginning of an id": lambda: index.matching(str(middle.payload_id)[:8]),
        "how many there are": index.count,
    }


def _milliseconds(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        ask()
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


def _fill(engine: Engine, count: int) -> None:
    node, ids = uuid4(), random.Random(1)
    with engine.begin() as connection:
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count))
            keys = {number: UUID(int=ids.getrandbits(128), version=4) for number in numbers}
            connection.execute(insert(payloads), [_payload(key, number, node) for number, key in keys.items()])
            connection.execute(insert(studies), [_held(key, number) for number, key in keys.items()])


def _payload(payload_id: UUID, number: int, node: UUID) -> dict[str, Any]:
    at = _FIRST + number * _EVERY
    times = dict.fromkeys(("opened", "closed", "last_received", "announced"), at)
    return {
        **NEW_WORK,
        **times,
        "payload_id": payload_id,
        "node_id": node,
        "called_ae": "MIG",
        "calling_ae": f"CT{number % _SENDERS:02}",
        "service": 1,
        "instances": 324,
        "bytes": 170_000_000,
        "closed_by": "quiet",
        "supplements": None,
        "state": Dispatch.ANNOUNCED if number % 1000 else Dispatch.DISPATCHED,
    }


def _held(payload_id: UUID, number: int) -> dict[str, Any]:
    held = {"series": 3, "instances": 324, "modalities": "CT"}
    return {"payload_id": payload_id, "study_instance_uid": _study(number), **held}


def _study(number: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.{number}"


@contextmanager
def _sqlite(directory: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{directory}/gateway.db")
    yield engine
    engine.dispose()


@contextmanager
def _postgresql(_directory: Path) -> Iterator[Engine]:
    with postgresql.running() as server:
        engine = open_database(server.url(server.new_database(), "psycopg"))
        yield engine
        engine.dispose()
