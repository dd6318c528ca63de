"""The states of a kind of work, and what leads from one to another: one table for each kind.

The table is all there is: `gateway.work.ledger`, which alone writes a state, knows no other way. docs/architecture.md
draws it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Writer(StrEnum):
    """Who may write that an event has happened."""

    HOLDER = "the holder of the lease"  # a run, or the dispatcher after it has taken the work from a run that is over
    DISPATCHER = "the dispatcher"  # where nothing has happened since it looked


class Event(StrEnum):
    """What happens to work. Not every kind knows every event."""

    DISPATCHED = "dispatched"  # Prefect has a run for it
    TAKEN = "taken"  # a run has begun, or begins again
    WAITS = "waits"  # for what is away: the run has ended for now
    RELEASED = "released"  # what it waited for answers: its run starts now
    SUCCEEDED = "succeeded"
    SUCCEEDED_IN_PART = "succeeded in part"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RUN_FAILED = "run failed"  # without a word of its own
    RUN_CANCELLED = "run cancelled"
    RUN_LOST = "run lost"  # deleted, crashed, or over without having come to an end: the next is asked for
    RETRIED = "retried"  # by an operator, and its last run is gone

    @property
    def writer(self) -> Writer:
        return Writer.HOLDER if self in _OF_THE_HOLDER else Writer.DISPATCHER


_OF_THE_HOLDER = frozenset(
    {Event.TAKEN, Event.WAITS, Event.SUCCEEDED, Event.SUCCEEDED_IN_PART, Event.FAILED, Event.CANCELLED}
)


@dataclass(frozen=True, slots=True)
class Transition:
    """An event, the states in which it may happen, and the one to which it leads."""

    event: Event
    origins: frozenset[StrEnum]
    target: StrEnum


class Transitions:
    """The table of one kind of work. `initial` is where it begins; what `ends` goes on only when it is retried,
    and what is `final` never.
    """

    def __init__(self, initial: StrEnum, ends: Iterable[StrEnum], rows: Iterable[Transition]) -> None:
        self.initial = initial
        self.ends = frozenset(ends)
        self.rows = tuple(rows)
        self.final = self.ends - {origin for row in self.rows for origin in row.origins}
        self._by_event = {row.event: row for row in self.rows}
        if len(self._by_event) < len(self.rows):
            raise ValueError("an event stands twice in a table of transitions")

    @property
    def states(self) -> tuple[StrEnum, ...]:
        """Every state, in the order in which its kind declares them."""
        return tuple(type(self.initial))

    def of(self, event: Event) -> Transition:
        """Return what an event does. Raises LookupError where this kind does not know it."""
        return self._by_event[event]

    def after(self, state: StrEnum, event: Event) -> StrEnum | None:
        """Return where an event leads from a state; None where it can't happen there."""
        row = self._by_event.get(event)
        return row.target if row and state in row.origins else None


def transition(event: Event, origins: Iterable[StrEnum], target: StrEnum) -> Transition:
    """A row of a table: `event` leads from any of `origins` to `target`."""
    return Transition(event, frozenset(origins), target)
