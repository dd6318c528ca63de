"""An inference request as people see it, on the command line and over HTTP: how far it has come."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.config import Settings
from gateway.inference.identity import PriorityClass, priority_class
from gateway.inference.row import RequestRow, RequestState
from gateway.sources.outcome import SourceOutcome


class _Shown(BaseModel):
    """Over HTTP in camel case, as MIG has it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class SourceView(_Shown):
    """How far one source has come."""

    source: str = Field(description="its place in the request", examples=["inputResources[1]"])
    found: int = Field(description="instances and resources that it has of what was asked for")
    fetched: int
    bytes: int
    error: str


class RequestView(_Shown):
    """How far a request has come. `transactionId` is MIG's; the rest is ours."""

    id: UUID = Field(alias="requestId")
    state: RequestState
    transaction_id: str
    priority: int
    priority_class: PriorityClass
    workflows: list[str]
    created: datetime
    started: datetime | None
    ended: datetime | None
    next_try: datetime | None
    tries: int
    found: int = Field(description="by all its sources")
    fetched: int
    bytes: int
    sources: list[SourceView]
    remarks: list[str]
    partial: bool = Field(description="some of what was asked for could not be had")
    payload_id: UUID
    run_id: UUID | None
    run_url: str | None = Field(description="the run's page in Prefect's dashboard")
    message: str = Field(description="why it waits, or has failed")


def view_of(row: RequestRow, settings: Settings) -> RequestView:
    """Return what is shown of a request: no credential, and nothing of whom it is about."""
    sources = row.outcome.sources if row.outcome else ()
    return RequestView(
        id=row.request_id,
        state=row.state,
        transaction_id=row.request.transaction_id,
        priority=row.request.priority,
        priority_class=priority_class(row.request.priority),
        workflows=list(row.request.workflows),
        created=row.created,
        started=row.started,
        ended=row.ended,
        next_try=row.next_try,
        tries=row.tries,
        found=sum(each.found for each in sources),
        fetched=sum(each.fetched for each in sources),
        bytes=sum(each.bytes for each in sources),
        sources=[_source(each) for each in sources],
        remarks=list(row.outcome.remarks) if row.outcome else [],
        partial=row.partial,
        payload_id=row.payload_id,
        run_id=row.flow_run_id,
        run_url=settings.run_url(row.flow_run_id),
        message=row.message,
    )


def _source(each: SourceOutcome) -> SourceView:
    return SourceView(
        source=f"inputResources[{each.source}]",
        found=each.found,
        fetched=each.fetched,
        bytes=each.bytes,
        error=each.error,
    )
