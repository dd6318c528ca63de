"""What is known of one inference request: everything but its credentials."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row

from gateway.acr.request import INFERENCE_REQUEST, InferenceRequest
from gateway.database import values_of
from gateway.inference.identity import payload_id
from gateway.inference.tables import requests
from gateway.sources.outcome import OUTCOME, RetrievalOutcome
from gateway.work.rows import WorkTable
from gateway.work.transitions import Event, Transitions, transition


class RequestState(StrEnum):
    """How far a request has come."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for what is away; it goes on by itself
    COMPLETED = "completed"  # announced
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in ENDS


ENDS = frozenset({RequestState.COMPLETED, RequestState.FAILED, RequestState.CANCELLED})
_OPEN = frozenset({RequestState.QUEUED, RequestState.RUNNING, RequestState.WAITING})
_GOES_ON_IF_RETRIED = frozenset({RequestState.FAILED, RequestState.CANCELLED})

TRANSITIONS = Transitions(
    RequestState.QUEUED,
    ENDS,
    [
        transition(Event.DISPATCHED, {RequestState.QUEUED}, RequestState.QUEUED),
        transition(Event.TAKEN, _OPEN | _GOES_ON_IF_RETRIED, RequestState.RUNNING),
        transition(Event.WAITS, {RequestState.RUNNING}, RequestState.WAITING),
        transition(Event.RELEASED, {RequestState.WAITING}, RequestState.QUEUED),
        transition(Event.SUCCEEDED, {RequestState.RUNNING}, RequestState.COMPLETED),
        transition(Event.FAILED, {RequestState.RUNNING}, RequestState.FAILED),
        transition(Event.RUN_FAILED, _OPEN, RequestState.FAILED),
        transition(Event.RUN_CANCELLED, _OPEN | {RequestState.FAILED}, RequestState.CANCELLED),
        transition(Event.RUN_LOST, _OPEN, RequestState.QUEUED),
        transition(Event.RETRIED, _OPEN | _GOES_ON_IF_RETRIED, RequestState.QUEUED),
    ],
)


WORK = WorkTable("request", requests, requests.c.request_id, requests.c.created, TRANSITIONS)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as the database has it. `holds_credentials` tells of those for its sources."""

    request_id: UUID
    request: InferenceRequest
    had_credentials: bool
    holds_credentials: bool
    state: RequestState
    message: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    next_try: datetime | None
    waiting_since: datetime | None
    fencing_token: int
    tries: int
    attempt: int
    flow_run_id: UUID | None
    outcome: RetrievalOutcome | None
    partial: bool
    uploaded: datetime | None

    @property
    def payload_id(self) -> UUID:
        """The payload that it becomes, or has become."""
        return payload_id(self.request_id)

    @property
    def fetched(self) -> int:
        """How many instances and resources the last try had."""
        return self.outcome.fetched if self.outcome else 0


_SECRET = {"sources_sealed", "outputs_sealed", "outputs_until", "transaction_id", "priority"}

COLUMNS: list[ColumnElement[Any]] = [
    *(column for column in requests.columns if column.name not in _SECRET),
    requests.c.sources_sealed.is_not(None).label("holds_credentials"),
]
"""What `request_row` reads. No credential leaves the database for it."""


def request_row(found: Row[Any]) -> RequestRow:
    """Read a row of `COLUMNS`."""
    values = values_of(found, COLUMNS)
    content, outcome = values.pop("content"), values.pop("outcome")
    return RequestRow(
        **values
        | {
            "request": INFERENCE_REQUEST.validate_json(content),
            "outcome": OUTCOME.validate_json(outcome) if outcome else None,
            "state": RequestState(values["state"]),
            "holds_credentials": bool(values["holds_credentials"]),
        }
    )
