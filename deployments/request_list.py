"""Inference requests as a person looks at them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gateway.inference.identity import PriorityClass, priority_class
from gateway.inference.outcome import SourceOutcome
from gateway.inference.row import RequestRow, RequestState


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request. `message` says why it waits or has failed."""

    id: UUID
    state: RequestState
    transaction_id: str
    priority: int
    priority_class: PriorityClass
    workflows: tuple[str, ...]
    created: datetime
    started: datetime | None
    ended: datetime | None
    next_try: datetime | None
    tries: int
    found: int
    fetched: int
    bytes: int
    sources: tuple[dict[str, Any], ...]
    remarks: tuple[str, ...]
    partial: bool
    payload_id: UUID
    run_id: UUID | None
    run_url: str | None
    message: str


def view_of(row: RequestRow, dashboard_url: str) -> RequestView:
    """Return what is shown of a request."""
    sources = row.outcome.sources if row.outcome else ()
    return RequestView(
        id=row.request_id,
        state=row.state,
        transaction_id=row.request.transaction_id,
        priority=row.request.priority,
        priority_class=priority_class(row.request.priority),
        workflows=row.request.workflows,
        created=row.created,
        started=row.started,
        ended=row.ended,
        next_try=row.next_try,
        tries=row.tries,
        found=sum(each.found for each in sources),
        fetched=sum(each.fetched for each in sources),
        bytes=sum(each.bytes for each in sources),
        sources=tuple(_source(each) for each in sources),
        remarks=row.outcome.remarks if row.outcome else (),
        partial=row.partial,
        payload_id=row.payload_id,
        run_id=row.flow_run_id,
        run_url=f"{dashboard_url}/runs/flow-run/{row.flow_run_id}" if row.flow_run_id else None,
        message=row.message,
    )


def _source(each: SourceOutcome) -> dict[str, Any]:
    return {
        "source": f"inputResources[{each.source}]",
        "found": each.found,
        "fetched": each.fetched,
        "bytes": each.bytes,
        "error": each.error,
    }
