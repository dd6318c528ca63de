"""What was counted since there is a database: it only grows, whatever is removed, and whichever process is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.associations.record import Outcome
from gateway.associations.store import BYTES, ENDED, REFUSED
from gateway.database.totals import Series, Totals, durations, read_totals
from gateway.exports.settling import SETTLED
from gateway.exports.states import SETTLED as ENDS
from gateway.exports.tables import WORK as EXPORTS
from gateway.inference.row import WORK as REQUESTS
from gateway.node_context import NodeContext
from gateway.payloads.rows import PHASES, RUN_BEGAN, Phase
from gateway.payloads.rows import WORK as PAYLOADS
from gateway.spool.node import find_node
from gateway.work.ledger import RUN_ASKED
from gateway.work.rows import ENDED as WORK_ENDED
from gateway.work.rows import WorkTable

WORK: Sequence[WorkTable] = (PAYLOADS, REQUESTS, EXPORTS)
"""The tables of every kind. Their kinds themselves know what they do with a node, and so make one."""


@dataclass(frozen=True, slots=True)
class DurationFigure:
    """How long some of a kind took.

    `counts` has, by each bound in seconds, how many took no longer than it and longer than the one before; the last
    bound is `+Inf`.
    """

    of: str
    counts: Sequence[tuple[str, int]]
    seconds: float  # all of them together


@dataclass(frozen=True, slots=True)
class EndedFigure:
    """How much work of a kind has ended in a state; what is retried ends once more."""

    kind: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class SettledFigure:
    """How many exports have settled in a state at a destination; one that is retried settles once more."""

    destination: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class ReceivedFigures:
    """What the receiver of this node has had to do with. `refusals` are among the associations that have `ended`."""

    ended: Mapping[str, int]  # by outcome
    refusals: int
    bytes: int


@dataclass(frozen=True, slots=True)
class CountedFigures:
    """What was counted. `received`, and what is told of payloads, is of this node, where there is one."""

    received: ReceivedFigures | None  # None where no node is here
    ended: Sequence[EndedFigure]
    settled: Sequence[SettledFigure]
    phases: Sequence[DurationFigure]
    runs_asked: Sequence[DurationFigure]
    runs_began: Sequence[DurationFigure]


def counted_figures(node: NodeContext) -> CountedFigures:
    """Return it. What has a known name is told while it is 0 as well: its first would be no increase, else.

    Raises DatabaseUnavailable and DatabaseRefused.
    """
    of_all, here = read_totals(node.database), find_node(node.settings.paths.spool)
    of_node = read_totals(node.database, here.node_id) if here else {}
    tables = [table for table in WORK if here or table.node is None]
    of_both = {**of_all, **of_node}
    return CountedFigures(
        _received(of_node) if here else None,
        [figure for table in tables for figure in _ended(of_both, table)],
        _settled(of_all, [destination.name for destination in node.settings.destinations]),
        _durations(of_node, PHASES, Phase if here else ()),
        _durations(of_both, RUN_ASKED, [table.kind for table in tables]),
        _durations(of_node, RUN_BEGAN, [PAYLOADS.kind] if here else ()),
    )


def _ended(found: Totals, table: WorkTable) -> list[EndedFigure]:
    ends = [(table.kind, str(state)) for state in table.transitions.states if state in table.transitions.ends]
    return [EndedFigure(*of, int(found.get(Series(WORK_ENDED, of), 0))) for of in ends]


def _settled(found: Totals, registered: Sequence[str]) -> list[SettledFigure]:
    settled = {(name, str(state)): 0 for name in registered for state in ENDS}
    for (name, labels), count in found.items():
        if name == SETTLED:
            destination, state = labels
            settled[destination, state] = int(count)
    return [SettledFigure(*place, count) for place, count in sorted(settled.items())]


def _received(found: Totals) -> ReceivedFigures:
    ended = {
        str(outcome): int(found.get(Series(ENDED, (outcome,)), 0)) for outcome in Outcome if outcome != Outcome.OPEN
    }
    return ReceivedFigures(ended, int(found.get(Series(REFUSED), 0)), int(found.get(Series(BYTES), 0)))


def _durations(found: Totals, name: str, kinds: Iterable[str]) -> list[DurationFigure]:
    return [DurationFigure(str(kind), *durations(found, name, kind)) for kind in kinds]
