"""Exports as a kind of work: the database is their truth, and each end of one is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.destinations.circuits import Circuits
from gateway.destinations.registered import Destinations
from gateway.events.port import Message
from gateway.exports.lease import ExportLease
from gateway.exports.ledger import ExportLedger
from gateway.exports.settling import give_up
from gateway.exports.states import ExportRow, ExportState
from gateway.runs.run import WantedRun
from gateway.work.commands import OperatorCommand
from gateway.work.kind import OwnCommands, Probe
from gateway.work.ledger import WorkLedger
from gateway.work.rows import Work
from gateway.work.transitions import Event
from gateway.work.waiting import WaitRow

CANCELLED = "cancelled by an operator"
FAILED = "its run failed, for a reason that Prefect shows"

_MOST_NAMES = 3
_GOES_ON = frozenset({ExportState.RECORDED, ExportState.QUEUED, ExportState.SENDING})


@dataclass(frozen=True, slots=True)
class ExportWork:
    """The exports of all nodes. A run of theirs that ends, however it does, settles them."""

    exports: ExportLedger
    circuits: Circuits
    destinations: Callable[[], Destinations]
    work_queue: str
    deployment: str = "export/export"
    most_queued: int = 8  # a thousand that wait are no reason for a payload to wait
    ended_by: frozenset[Event] = frozenset({Event.RUN_FAILED, Event.RUN_CANCELLED})
    own_commands: OwnCommands = field(default_factory=dict)

    @property
    def ledger(self) -> WorkLedger:
        return self.exports.work

    def refresh(self, now: datetime) -> None:
        """The rows are the truth."""

    def wanted_run(self, work: Work) -> WantedRun | None:
        row = self.exports.row(work.work_id)
        if row is None:
            return None
        found = self.destinations()
        places = self.exports.destinations(row.export_id)
        labels = list(dict.fromkeys(found.label(each.name, row.agent) for each in places))
        return WantedRun(
            idempotency_key=f"{row.export_id}:{work.attempt}",
            parameters={"export_id": str(row.export_id)},
            name=_name(row, labels, self.exports.file_count(row.export_id)),
            tags=sorted({f"to {label}" for label in labels}),
            work_queue=self.work_queue,
        )

    def is_open(self, work: Work) -> bool:
        row = self.exports.row(work.work_id)
        return row is not None and not row.state.is_settled

    def run_ended(self, work: Work, event: Event, message: str, now: datetime) -> None:
        """Settle it, unless it has settled, or was taken, meanwhile."""
        self._end(work, now, cancelled=event is Event.RUN_CANCELLED)

    def refusal(self, work: Work, command: OperatorCommand) -> str | None:
        if command is OperatorCommand.CANCEL:
            return f"it is over: {work.state}" if work.state in self.ledger.of.transitions.ends else None
        if work.state is ExportState.SUCCEEDED:
            return "it has succeeded: nothing is missing"
        return f"it is {work.state}: it goes on by itself" if work.state in _GOES_ON else None

    def before_retry(self, work: Work) -> None:
        """Who asks may know more than the last probe."""
        row, found = self.exports.row(work.work_id), self.destinations()
        if row is None:
            return
        for each in self.exports.destinations(row.export_id):
            self.circuits.try_again(found.circuit_name(each.name, row.agent, each.output))

    def cancelled(self, work: Work, now: datetime, *, run_is_over: bool) -> bool:
        """Once no file is on its way any more: until then its run is about to say what became of them."""
        if not run_is_over or work.state in self.ledger.of.transitions.ends:
            return True
        return self._end(work, now, cancelled=True)

    def _end(self, work: Work, now: datetime, *, cancelled: bool) -> bool:
        """False where it has settled, or was taken, since it was seen."""
        if lease := self.ledger.take_from_run(work):
            reason = CANCELLED if cancelled else FAILED
            give_up(ExportLease(lease), self.destinations(), reason, now, cancelled=cancelled)
        return lease is not None

    def event_of(self, work_id: UUID) -> Message | None:
        return None  # what an export has to tell is in the outbox

    def probe_for(self, wait: WaitRow) -> Probe | None:
        return None  # destinations are probed by their circuit breakers


def _name(export: ExportRow, labels: Sequence[str], files: int) -> str:
    """For the dashboard, e.g. `export → pacs, vna, 3 files, 1f3c9a2e`."""
    more = [f"{len(labels) - _MOST_NAMES} more"] if len(labels) > _MOST_NAMES else []
    places = ", ".join([*labels[:_MOST_NAMES], *more]) or "nowhere"
    return f"export → {places}, {files} file{'s' if files != 1 else ''}, {str(export.export_id)[:8]}"
