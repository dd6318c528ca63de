"""Which destinations are away: known to all exports, so that one finds it out and the others need not try.

A circuit opens after three failures in a row, or at once where the peer itself says when to come back. The dispatcher
then probes at growing intervals. A good probe closes it on trial: the next failure opens it again, and only what was
stored, or refused for good, makes it forget.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Engine, Integer, String, Table, Text, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.database import UtcDateTime, database_errors, metadata
from gateway.work.back_off import BackOff

circuits = Table(
    "destination_circuits",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("trips", Integer, nullable=False),
    Column("opened", UtcDateTime),
    Column("next_probe", UtcDateTime),
    Column("reason", Text, nullable=False),
    Column("answered", UtcDateTime),
    Column("refused_since", UtcDateTime),
    Column("refusal", Text, nullable=False),
)

_OPENS_AFTER = 3
PROBES = BackOff(first_seconds=5.0, longest_seconds=60.0)
"""How long after each failure in a row a destination that is away is probed again."""

_ANSWERED_TO = timedelta(minutes=1)
_NOTHING_BAD: dict[str, Any] = {
    "failures": 0,
    "trips": 0,
    "opened": None,
    "next_probe": None,
    "reason": "",
    "refused_since": None,
    "refusal": "",
}
_PROBE_TAKES = timedelta(seconds=90)  # at most; then another may try


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a destination. It is away since `opened`, for `reason`; None: it is not known to be away."""

    name: str
    failures: int  # in a row
    trips: int  # probes and trials that failed since something last got there
    opened: datetime | None
    next_probe: datetime | None
    reason: str
    answered: datetime | None = None  # when it last took something, to the minute
    refused_since: datetime | None = None  # since when it refuses us, which trying again does not mend
    refusal: str = ""

    @property
    def is_open(self) -> bool:
        return self.opened is not None

    def blocks(self, now: datetime) -> bool:
        """Whether nothing is to be tried. Where nobody has probed for long, a try is the only probe there is."""
        return self.next_probe is not None and now < self.next_probe + 2 * _PROBE_TAKES


class Circuits:
    """The circuits of all destinations. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, name: str) -> Circuit | None:
        """What is known of a destination; None: nothing bad."""
        with database_errors(), self._engine.connect() as connection:
            return _find(connection, name)

    def all(self) -> list[Circuit]:
        """Every destination that something is known of."""
        with database_errors(), self._engine.connect() as connection:
            return [Circuit(**row._mapping) for row in connection.execute(select(circuits).order_by(circuits.c.name))]

    def failed(self, name: str, reason: str, now: datetime, retry_after_seconds: float | None = None) -> Circuit:
        """Count a failure, and return what is known now."""
        with database_errors():
            self._make_sure_of(name)
            with self._engine.begin() as connection:
                counted = {"failures": circuits.c.failures + 1, "reason": reason}
                connection.execute(update(circuits).where(circuits.c.name == name).values(counted))
                circuit = _found(connection, name)
                if circuit.failures >= _OPENS_AFTER or retry_after_seconds:
                    _open(connection, circuit, now, retry_after_seconds or 0.0)
                return _found(connection, name)

    def answered(self, name: str, now: datetime) -> None:
        """It took something: forget what was. When that was is written once a minute."""
        remembered = or_(
            circuits.c.failures > 0,
            circuits.c.trips > 0,
            circuits.c.opened.is_not(None),
            circuits.c.refused_since.is_not(None),
            circuits.c.answered.is_(None),
            circuits.c.answered < now - _ANSWERED_TO,
        )
        with database_errors():
            self._make_sure_of(name)
        self._change(remembered & (circuits.c.name == name), _NOTHING_BAD | {"answered": now})

    def refused(self, name: str, reason: str, now: datetime) -> None:
        """It is there, and refuses us: somebody has to act, and other exports need not wait for that."""
        with database_errors():
            self._make_sure_of(name)
        since = func.coalesce(circuits.c.refused_since, now)
        self._change(circuits.c.name == name, _NOTHING_BAD | {"refused_since": since, "refusal": reason})

    def claim_probe(self, now: datetime) -> Circuit | None:
        """Return a destination that is due to be probed, which nobody else will do meanwhile; None if none is."""
        is_due = circuits.c.opened.is_not(None) & (circuits.c.next_probe <= now)
        with database_errors(), self._engine.begin() as connection:
            due = connection.execute(select(circuits).where(is_due).order_by(circuits.c.next_probe).limit(1)).first()
            if due is None:
                return None
            this = update(circuits).where(circuits.c.name == due.name, is_due)
            claimed = connection.execute(this.values(next_probe=now + _PROBE_TAKES)).rowcount
        return Circuit(**due._mapping) if claimed else None

    def try_again(self, name: str) -> None:
        """Have the next export try, whatever is known: somebody says that it is worth it."""
        on_trial = {"failures": _OPENS_AFTER - 1, "opened": None, "next_probe": None}
        self._change((circuits.c.name == name) & circuits.c.opened.is_not(None), on_trial)

    def probed(self, circuit: Circuit, away_for: str | None, now: datetime) -> None:
        """Note how a probe went: `away_for` says why the destination is still away, None that it answers."""
        if away_for is None:
            self.try_again(circuit.name)
            return
        with database_errors(), self._engine.begin() as connection:
            connection.execute(update(circuits).where(circuits.c.name == circuit.name).values(reason=away_for))
            _open(connection, circuit, now, 0.0)

    def _make_sure_of(self, name: str) -> None:
        with self._engine.connect() as connection:
            if _find(connection, name):
                return
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(circuits).values(name=name, failures=0, trips=0, reason="", refusal=""))
        except IntegrityError:  # another run was quicker
            return

    def _change(self, condition: Any, changes: dict[str, Any]) -> None:
        with database_errors(), self._engine.begin() as connection:
            connection.execute(update(circuits).where(condition).values(changes))


def _open(connection: Connection, circuit: Circuit, now: datetime, at_least_seconds: float) -> None:
    trips = circuit.trips + 1
    delay = timedelta(seconds=max(PROBES.after(trips), at_least_seconds))
    opened = {"opened": circuit.opened or now, "trips": trips, "next_probe": now + delay}
    connection.execute(update(circuits).where(circuits.c.name == circuit.name).values(opened))


def _found(connection: Connection, name: str) -> Circuit:
    circuit = _find(connection, name)
    assert circuit
    return circuit


def _find(connection: Connection, name: str) -> Circuit | None:
    found = connection.execute(select(circuits).where(circuits.c.name == name)).one_or_none()
    return Circuit(**found._mapping) if found else None
