"""Running totals: what was counted stays counted when the rows go that it was counted of.

Added to in the transaction that they tell of, as its last statement: counted once, whatever crashes, and without a
row of another table being waited for meanwhile. To read them all costs the same, however much was counted.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Column, Connection, Double, Engine, Executable, String, Table, Uuid, select

from gateway.database.failures import database_errors
from gateway.database.tables import metadata

OF_ALL_NODES = UUID(int=0)

BOUNDS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
"""Of every duration: what is counted is how many were no longer than each, and longer than the one before."""

BOUNDS = (*map(str, BOUNDS_SECONDS), "+Inf")
_SUM = "sum"

totals = Table(
    "totals",
    metadata,
    Column("node_id", Uuid, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("labels", String(300), primary_key=True),  # a JSON array
    Column("value", Double, nullable=False),
)


class Series(NamedTuple):
    """What is counted, and of what."""

    name: str
    labels: tuple[str, ...] = ()


class Durations(NamedTuple):
    """How long some took: by each bound how many, between it and the one before, and the sum of them all."""

    counts: tuple[tuple[str, int], ...]
    seconds: float


Totals = Mapping[Series, float]


def add(connection: Connection, amounts: Totals, node_id: UUID = OF_ALL_NODES) -> None:
    """Count what the transaction of `connection` does: on a node, or wherever."""
    # In one order: transactions that add to the same rows then wait for each other in turn, and never in a circle.
    rows = [
        {"node_id": node_id, "name": name, "labels": json.dumps(labels), "value": amount}
        for (name, labels), amount in sorted(amounts.items())
        if amount
    ]
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)


def duration(name: str, seconds: float, *labels: str) -> dict[Series, float]:
    """What a duration adds. Clocks that disagree make none negative."""
    seconds = max(seconds, 0.0)
    bound = BOUNDS[bisect_left(BOUNDS_SECONDS, seconds)]
    return {Series(name, (*labels, bound)): 1, Series(name, (*labels, _SUM)): seconds}


def read_totals(engine: Engine, node_id: UUID = OF_ALL_NODES) -> Totals:
    """Return what was counted on a node, or wherever; of what is not named nothing was. Raises DatabaseUnavailable."""
    wanted = select(totals.c.name, totals.c.labels, totals.c.value).where(totals.c.node_id == node_id)
    with database_errors(), engine.connect() as connection:
        return {Series(name, tuple(json.loads(labels))): value for name, labels, value in connection.execute(wanted)}


def durations(found: Totals, name: str, *labels: str) -> Durations:
    """Return what `duration` has added with these labels."""
    counts = tuple((bound, int(found.get(Series(name, (*labels, bound)), 0))) for bound in BOUNDS)
    return Durations(counts, found.get(Series(name, (*labels, _SUM)), 0.0))


@cache
def _adding(dialect: str) -> Executable:
    """Add a row, or to the row that there is. Both databases write it alike; who only reads imports neither."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # noqa: PLC0415
    new = insert(totals)
    grown = {"value": totals.c.value + new.excluded.value}
    return new.on_conflict_do_update(index_elements=list(totals.primary_key.columns), set_=grown)
