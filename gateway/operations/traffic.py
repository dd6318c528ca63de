"""How much came in, by the hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from gateway.database import database_errors
from gateway.payloads.rows import payloads

HOURS = 24
_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Hour:
    """The payloads that were closed within an hour, and their instances."""

    begin: datetime
    payloads: int
    instances: int


def traffic(engine: Engine, now: datetime) -> list[Hour]:
    """Return the last day, the oldest hour first. Raises DatabaseUnavailable."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=HOURS - 1)
    wanted = select(payloads.c.closed, payloads.c.instances).where(payloads.c.closed >= first).limit(_MOST_ROWS)
    counts, instances = [0] * HOURS, [0] * HOURS
    with database_errors(), engine.connect() as connection:
        for closed, number in connection.execute(wanted):
            hour = min(int((closed - first) / timedelta(hours=1)), HOURS - 1)
            counts[hour] += 1
            instances[hour] += number
    return [Hour(first + timedelta(hours=n), counts[n], instances[n]) for n in range(HOURS)]
