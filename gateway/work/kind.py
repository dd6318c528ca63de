"""What the engine has to be told of a kind of work. Each kind is one module; `gateway.kinds` lists them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.events.port import Message
from gateway.runs.run import WantedRun
from gateway.work.commands import CommandRow, OperatorCommand
from gateway.work.ledger import WorkLedger
from gateway.work.rows import Work
from gateway.work.transitions import Event
from gateway.work.waiting import WaitRow

DEFAULT_QUEUE = "default"
"""The work queue of a pool from which any node's worker takes."""

Probe = Callable[[], None]
"""Returns where a part answers, and raises a GatewayError where it does not."""


class OwnCommand(Protocol):
    """What can be asked of one kind alone, beside retry and cancel, and is carried out without a run of the work."""

    @property
    def only_here(self) -> bool:
        """Whether no other node's dispatcher can carry out what was asked for on this node."""

    def refusal(self, work_id: UUID, destinations: Sequence[str]) -> str | None:
        """Why it makes no sense now; None where it does. Raises NoSuchWork and DatabaseUnavailable."""

    def carry_out(self, row: CommandRow, now: datetime) -> str:
        """Do it, harmlessly where it was done before; return what there is to say of it. Raises NothingToDo."""


OwnCommands = Mapping[OperatorCommand, OwnCommand]


class Kind(Protocol):
    """A kind of work. All methods but the properties may ask the database, and raise DatabaseUnavailable."""

    @property
    def deployment(self) -> str:
        """The Prefect deployment that carries it out, as `flow/deployment`."""

    @property
    def most_queued(self) -> int | None:
        """How many runs may wait for a worker at once; None where their own work pool keeps them apart from others."""

    @property
    def ended_by(self) -> Collection[Event]:
        """What the end of a run means for its work, beside RUN_LOST. Where it is nothing, the run stands for it."""

    @property
    def own_commands(self) -> OwnCommands:
        """What can be asked of it beside retry and cancel."""

    @property
    def ledger(self) -> WorkLedger:
        """Its rows."""

    def refresh(self, now: datetime) -> None:
        """Bring the rows up to the truth, where that lies elsewhere."""

    def wanted_run(self, work: Work) -> WantedRun | None:
        """The run that this work needs next; None where it is gone meanwhile."""

    def is_open(self, work: Work) -> bool:
        """Look again, at the truth: a run that completes does its work's last step just before."""

    def run_ended(self, work: Work, event: Event, message: str, now: datetime) -> None:
        """Its run has come to such an end, without a word of its own."""

    def refusal(self, work: Work, command: OperatorCommand) -> str | None:
        """Why a command makes no sense for work in this state; None where it does."""

    def before_retry(self, work: Work) -> None:
        """Somebody says that it is worth a try: forget what speaks against it."""

    def cancelled(self, work: Work, now: datetime, *, run_is_over: bool) -> bool:
        """An operator has ended it; `run_is_over`: no run will say so. False where it has changed since it was seen."""

    def event_of(self, work_id: UUID) -> Message | None:
        """The event that this work has yet to publish, if it has tried to: all else is done by then.

        None where it has none, or only another node knows.
        """

    def probe_for(self, wait: WaitRow) -> Probe | None:
        """How it is found out whether a part of this kind's own, such as a source, answers; None where nobody can."""
