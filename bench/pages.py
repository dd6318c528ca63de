"""What is asked of a gateway that has announced a million payloads: each page of the list, on both databases."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from bench.many_payloads import accession, address, closed_at, fill, patient, sender, study
from bench.row import Row
from bench.scene import Scene
from gateway.database import open_database
from gateway.lookup.digests import LookupKey
from gateway.operations.payloads import PayloadList
from gateway.payloads.finding import EVERY_PAYLOAD, PayloadFilter
from gateway.payloads.index import PayloadIndex
from gateway.spool.area import scp_area
from tests.peers import postgresql

PAYLOADS = 1_000_000
MOST_MS = 50.0

_PAGE = 21  # one more than are shown: whether there are more
_TRIES = 9


def measure(scene: Scene) -> list[Row]:
    """Each question, the median of some tries."""
    rows = []
    for name, database in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        with scene.fresh("pages") as directory, database(directory) as engine:
            scene.say(f"pages: {name} is filled")
            count = scene.amount(PAYLOADS)
            fill(engine, count)
            for row in _rows(engine, directory, count):
                scene.say(f"pages, {name}: {row.what}")
                rows.append(replace(row, what=f"of {count:,} payloads, {name}: {row.what}"))
    return rows


def _rows(engine: Engine, directory: Path, count: int) -> Iterator[Row]:
    index = PayloadIndex(engine)
    (middle,) = index.newest(1, PayloadFilter(until=closed_at(count // 2)))
    for question, wanted in _filters(count).items():
        first, deep = (_milliseconds(_page(index, directory, wanted, after)) for after in (None, middle.payload_id))
        note = f"the first page {first:.1f} ms, one that follows {count // 2:,} others {deep:.1f} ms"
        yield Row(what=question, unit="ms", ours=max(first, deep), at_most=MOST_MS, note=note)
    begins, by_address = str(middle.payload_id)[:8], PayloadFilter(source=address(count // 2 - 1000))
    asked: dict[str, Callable[[], object]] = {
        "by the beginning of an id": lambda: index.matching(begins),
        "how many there are": index.count,
        "how many there are of a source's address": partial(index.count, by_address),
    }
    for question, ask in asked.items():
        yield Row(what=question, unit="ms", ours=_milliseconds(ask), at_most=MOST_MS)


def _filters(count: int) -> Mapping[str, PayloadFilter]:
    """Everything that a list may be asked by, with what many have, and what none has."""
    some = count // 2 - 1000
    return {
        "all": EVERY_PAYLOAD,
        "by study": PayloadFilter(study=study(some)),
        "by Accession Number": PayloadFilter(lookups=(frozenset({accession(some)}),)),
        "by Patient ID": PayloadFilter(lookups=(frozenset({patient(some)}),)),
        "by an AE title of one in fifty": PayloadFilter(ae=sender(some)),
        "by the AE title of all": PayloadFilter(ae="MIG"),
        "by an AE title of none": PayloadFilter(ae="NOBODY"),
        "by a source's title, of one in fifty": PayloadFilter(source=sender(some)),
        "by a source's address, of one in fifty": PayloadFilter(source=address(some)),
        "by a source's address and the AE title of all": PayloadFilter(source=address(some), ae="MIG"),
        "by the source of none": PayloadFilter(source="10.9.9.9"),
        "what is announced": PayloadFilter(announced=True),
        "what is not announced, ten in a million": PayloadFilter(announced=False),
        "what is not announced of one source": PayloadFilter(announced=False, source=sender(some)),
        "closed since": PayloadFilter(since=closed_at(count // 4)),
        "closed until": PayloadFilter(until=closed_at(3 * count // 4)),
        "closed within a day": PayloadFilter(since=closed_at(some), until=closed_at(some + 1440)),
        "by what closed all": PayloadFilter(closed_by="quiet"),
        "by what closed ten in a million": PayloadFilter(closed_by="operator"),
    }


def _page(index: PayloadIndex, directory: Path, wanted: PayloadFilter, after: UUID | None) -> Callable[[], object]:
    def page() -> object:
        """By a list of its own, as each command and each request does."""
        listed = PayloadList(index, scp_area(directory), None, lambda _: {}, {}, _no_key, "monaideploy", lambda _: None)
        return listed.page(_PAGE, wanted, after=after)

    return page


def _no_key() -> LookupKey:
    raise AssertionError("no group is open, and nothing is to be digested")


def _milliseconds(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        ask()
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


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
