"""What is told of an inference request: how far it has come, and nothing of what it asks for."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.inference.identity import PriorityClass, priority_class
from gateway.inference.row import RequestRow, RequestState


class _Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class SourceStatus(_Told):
    """How far one source has come."""

    source: str = Field(description="its place in the request", examples=["inputResources[1]"])
    found: int = Field(description="instances and resources that it has of what was asked for")
    fetched: int
    bytes: int
    error: str


class RequestStatus(_Told):
    """How far a request has come. `transactionId` is MIG's; the rest is ours."""

    transaction_id: str
    request_id: UUID
    state: RequestState
    message: str = Field(description="why it waits, or has failed")
    priority: int
    priority_class: PriorityClass
    created: datetime
    started: datetime | None
    ended: datetime | None
    next_try: datetime | None
    tries: int
    sources: list[SourceStatus]
    remarks: list[str]
    partial: bool = Field(description="some of what was asked for could not be had")
    payload_id: UUID
    run_id: UUID | None
    run_url: str | None = Field(description="the run's page in Prefect's dashboard")


def status_of(row: RequestRow, dashboard_url: str) -> RequestStatus:
    """Return what is told of a request."""
    outcome = row.outcome
    return RequestStatus(
        transaction_id=row.request.transaction_id,
        request_id=row.request_id,
        state=row.state,
        message=row.message,
        priority=row.request.priority,
        priority_class=priority_class(row.request.priority),
        created=row.created,
        started=row.started,
        ended=row.ended,
        next_try=row.next_try,
        tries=row.tries,
        sources=[
            SourceStatus(
                source=f"inputResources[{each.source}]",
                found=each.found,
                fetched=each.fetched,
                bytes=each.bytes,
                error=each.error,
            )
            for each in (outcome.sources if outcome else ())
        ],
        remarks=list(outcome.remarks) if outcome else [],
        partial=row.partial,
        payload_id=row.payload_id,
        run_id=row.flow_run_id,
        run_url=f"{dashboard_url}/runs/flow-run/{row.flow_run_id}" if row.flow_run_id else None,
    )
