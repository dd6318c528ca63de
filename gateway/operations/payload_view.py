"""A payload, received or retrieved, as every face shows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from gateway.associations.record import Outcome
from gateway.payloads.payload import object_prefix
from gateway.payloads.rows import PayloadRow
from gateway.payloads.studies import PayloadStudy
from gateway.runs.run import Run, StateType
from gateway.spool.open_groups import OpenGroup


class PayloadState(StrEnum):
    """Where a payload is."""

    OPEN = "open"
    ANNOUNCED = "announced"
    READY = "ready"
    WAITING = "waiting"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


STATES_OF_RUNS = {
    StateType.SCHEDULED: PayloadState.SCHEDULED,
    StateType.PENDING: PayloadState.RUNNING,
    StateType.RUNNING: PayloadState.RUNNING,
    StateType.CANCELLING: PayloadState.RUNNING,
    StateType.PAUSED: PayloadState.SCHEDULED,
    StateType.COMPLETED: PayloadState.RUNNING,  # and about to leave `ready/`, or to have another run
    StateType.FAILED: PayloadState.FAILED,
    StateType.CRASHED: PayloadState.CRASHED,
    StateType.CANCELLED: PayloadState.CANCELLED,
}
_NEXT_STEPS = {
    PayloadState.OPEN: "it closes by itself when nothing more comes, or at once by `mig payload close {id}`",
    PayloadState.READY: "the dispatcher asks for its run: `mig status` says whether it is up",
    PayloadState.WAITING: "see to what it waits for: then it goes on by itself, or at once by `mig payload retry {id}`",
    PayloadState.FAILED: "put right what the message says, then `mig payload retry {id}`",
    PayloadState.CRASHED: "it starts again by itself; if it does not, `mig payload retry {id}`",
    PayloadState.CANCELLED: "it stays on the spool until `mig payload retry {id}`",
    PayloadState.UNKNOWN: "see to Prefect: `mig status`",
}


@dataclass(frozen=True, slots=True)
class PayloadView:
    """One payload, for a person. `message` is that of its run: why it waits, or why it failed.

    Its objects lie below `prefix` in the bucket. `opened` is the time of its first instance, `run_asked` that at which
    its last run was asked for, `uploaded` that at which all of it was stored and verified. One that is open closes at
    `closes` unless more comes, or an association holds it; of its studies no more is known than which they are.
    `announced_again` counts how often an operator had its event said once more. `broken_off` is how an association
    ended that fed it, and was to feed it more. One that an inference request has become is that of `request_id`, and
    holds `resources` of FHIR beside its instances; it is `partial` where some of what was asked for could not be had.
    """

    id: UUID
    state: PayloadState
    called_ae: str
    calling_ae: str
    instances: int
    resources: int
    bytes: int
    broken_off: Outcome | None
    partial: bool
    studies: tuple[PayloadStudy, ...]
    opened: datetime
    last_received: datetime | None
    closed: datetime | None
    closes: datetime | None
    closed_by: str
    supplements: UUID | None
    request_id: UUID | None
    node: UUID
    run_asked: datetime | None
    uploaded: datetime | None
    announced: datetime | None
    announced_again: int
    last_announced_again: datetime | None
    prefix: str
    attempt: int
    run_id: UUID | None
    run_state: str | None
    message: str | None
    next_step: str


def closed_view(
    row: PayloadRow,
    state: PayloadState,
    studies: tuple[PayloadStudy, ...],
    run: Run | None,
    broken_off: Outcome | None,
) -> PayloadView:
    """Return the view of a payload that is closed, and was never announced again."""
    return PayloadView(
        id=row.payload_id,
        state=state,
        called_ae=row.called_ae,
        calling_ae=row.calling_ae,
        instances=row.instances,
        resources=row.resources,
        bytes=row.bytes,
        broken_off=broken_off,
        partial=row.partial,
        studies=studies,
        opened=row.opened,
        last_received=row.last_received,
        closed=row.closed,
        closes=None,
        closed_by=row.closed_by,
        supplements=row.supplements,
        request_id=row.request_id,
        node=row.node_id,
        run_asked=run.created if run else None,
        uploaded=row.uploaded,
        announced=row.announced,
        announced_again=0,
        last_announced_again=None,
        prefix=object_prefix(row.payload_id),
        attempt=row.attempt,
        run_id=row.flow_run_id,
        run_state=run.state_name if run else None,
        message=run.message if run else None,
        next_step=_next_step(row.payload_id, state, broken_off, partial=row.partial),
    )


def _next_step(
    payload_id: UUID, state: PayloadState, broken_off: Outcome | None = None, *, partial: bool = False
) -> str:
    steps = [_NEXT_STEPS.get(state, "").format(id=str(payload_id)[:8])]
    if broken_off:
        steps.append("have the sender send it again: what was not here yet becomes another payload, a supplement")
    if partial:
        steps.append("`mig inference show` of its request says what was missing: to have it, submit another request")
    return "; ".join(filter(None, steps))


def open_view(group: OpenGroup, node: UUID, quiet_seconds: float | None) -> PayloadView:
    """Return the view of one that still receives; `quiet_seconds` after its last instance it closes."""
    only = group.instances if len(group.studies) == 1 else 0
    return PayloadView(
        id=group.payload_id,
        state=PayloadState.OPEN,
        called_ae=group.called_ae,
        calling_ae=group.calling_ae,
        instances=group.instances,
        resources=0,
        bytes=group.bytes,
        broken_off=None,
        partial=False,
        studies=tuple(PayloadStudy(uid, 0, only, "") for uid in sorted(group.studies)),
        opened=group.first,
        last_received=group.last,
        closed=None,
        closes=group.last + timedelta(seconds=quiet_seconds) if quiet_seconds is not None else None,
        closed_by="",
        supplements=None,
        request_id=None,
        node=node,
        run_asked=None,
        uploaded=None,
        announced=None,
        announced_again=0,
        last_announced_again=None,
        prefix=object_prefix(group.payload_id),
        attempt=0,
        run_id=None,
        run_state=None,
        message=None,
        next_step=_next_step(group.payload_id, PayloadState.OPEN),
    )
