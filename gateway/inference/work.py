"""Inference requests as a kind of work: the database is their truth."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.events.port import Message
from gateway.inference.identity import payload_id, priority_class
from gateway.inference.naming import run_name
from gateway.inference.row import ENDS, RequestRow, RequestState
from gateway.inference.store import RequestStore
from gateway.payloads.announcements import Announcements
from gateway.runs.run import WantedRun
from gateway.work.commands import OperatorCommand
from gateway.work.kind import OwnCommands, Probe
from gateway.work.ledger import WorkLedger
from gateway.work.rows import Work
from gateway.work.transitions import Event
from gateway.work.waiting import WaitRow

_CANCELLED = "its run was cancelled"
_CANCELLED_BY_OPERATOR = "cancelled by an operator"

SourceProbe = Callable[[RequestRow, str], Probe | None]
"""Returns how the source of this name, for which a request waits, is asked whether it answers."""


@dataclass(frozen=True, slots=True)
class RequestWork:
    """The inference requests of all nodes. Their runs have a work pool of their own, with a queue for each class."""

    store: RequestStore
    source_probe: SourceProbe
    deployment: str = "retrieve/retrieve"
    most_queued: None = None
    ended_by: frozenset[Event] = frozenset({Event.RUN_FAILED, Event.RUN_CANCELLED})
    own_commands: OwnCommands = field(default_factory=dict)

    @property
    def ledger(self) -> WorkLedger:
        return self.store.work

    def refresh(self, now: datetime) -> None:
        """The rows are the truth."""

    def wanted_run(self, work: Work) -> WantedRun | None:
        row = self.store.find(work.work_id)
        return request_run(row, work.attempt) if row else None

    def is_open(self, work: Work) -> bool:
        return self._is_open(work.work_id)

    def run_ended(self, work: Work, event: Event, message: str, now: datetime) -> None:
        assert work.flow_run_id
        if event is Event.RUN_CANCELLED:
            self.store.cancel(work.work_id, _CANCELLED, now, run=work.flow_run_id)
        else:
            self.store.note_failed(work.work_id, message or "its run has failed", now, run=work.flow_run_id)

    def refusal(self, work: Work, command: OperatorCommand) -> str | None:
        if work.state is RequestState.COMPLETED:
            return "it is announced"
        if command is OperatorCommand.RETRY and work.state is RequestState.QUEUED and work.flow_run_id is None:
            return "it has no run yet: the dispatcher asks for one"
        row = self.store.find(work.work_id)
        if command is OperatorCommand.RETRY and row and _lacks_credentials(row):
            return "its credentials are no longer held: submit it again"
        return None

    def before_retry(self, work: Work) -> None:
        """Nothing speaks against it but its own waits."""

    def cancelled(self, work: Work, now: datetime, *, run_is_over: bool) -> bool:
        """At once: its credentials are erased, and a run that has not heard of it yet is fenced off."""
        self.store.cancel(work.work_id, _CANCELLED_BY_OPERATOR, now)
        return True  # whatever has changed

    def event_of(self, work_id: UUID) -> Message | None:
        return Announcements(self.store.work.engine).message_of(payload_id(work_id)) if self._is_open(work_id) else None

    def probe_for(self, wait: WaitRow) -> Probe | None:
        row = self.store.find(wait.work_id)
        return self.source_probe(row, wait.name) if row else None

    def _is_open(self, work_id: UUID) -> bool:
        row = self.store.find(work_id)
        return row is not None and row.state not in ENDS


def request_run(row: RequestRow, attempt: int) -> WantedRun:
    """The request's run."""
    kind = priority_class(row.request.priority)
    return WantedRun(
        parameters={"request_id": str(row.request_id)},
        name=run_name(row.request, row.request_id),
        tags=[f"priority {kind}"],
        work_queue=kind,
        idempotency_key=f"{row.request_id}:{attempt}",
    )


def _lacks_credentials(row: RequestRow) -> bool:
    return row.had_credentials and not row.holds_credentials and not row.uploaded
