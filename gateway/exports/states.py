"""How far an export has come, and what became of each file at each destination."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from gateway.work.transitions import Event, Transitions, transition


class ExportState(StrEnum):
    """Where an export is. The last four are its ends, from which a retry leads back."""

    RECORDED = "recorded"  # no run yet
    QUEUED = "queued"  # its run is about to start
    SENDING = "sending"
    WAITING = "waiting"  # for a destination or a part that is away
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # some files are everywhere they should be
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_settled(self) -> bool:
        return self in SETTLED


SETTLED = frozenset({ExportState.SUCCEEDED, ExportState.PARTIAL, ExportState.FAILED, ExportState.CANCELLED})
_MISSES_FILES = SETTLED - {ExportState.SUCCEEDED}
_HAS_A_RUN = frozenset({ExportState.QUEUED, ExportState.SENDING, ExportState.WAITING})
_OPEN = _HAS_A_RUN | {ExportState.RECORDED}

TRANSITIONS = Transitions(
    ExportState.RECORDED,
    SETTLED,
    [
        transition(Event.DISPATCHED, {ExportState.RECORDED}, ExportState.QUEUED),
        transition(Event.TAKEN, _OPEN | _MISSES_FILES, ExportState.SENDING),
        transition(Event.WAITS, {ExportState.SENDING}, ExportState.WAITING),
        transition(Event.RELEASED, {ExportState.WAITING}, ExportState.QUEUED),
        transition(Event.SUCCEEDED, _OPEN, ExportState.SUCCEEDED),
        transition(Event.SUCCEEDED_IN_PART, _OPEN, ExportState.PARTIAL),
        transition(Event.FAILED, _OPEN, ExportState.FAILED),
        transition(Event.CANCELLED, _OPEN, ExportState.CANCELLED),
        transition(Event.RUN_LOST, _HAS_A_RUN, ExportState.RECORDED),
        transition(Event.RETRIED, _HAS_A_RUN | _MISSES_FILES, ExportState.RECORDED),
    ],
)


class ExportOrigin(StrEnum):
    """Who asked for an export."""

    REQUEST = "request"  # somebody outside, who is told by md.export.complete
    OPERATOR = "operator"  # by `mig payload send`: nobody outside knows of it, and none is told


class SendState(StrEnum):
    """What became of one file at one destination."""

    PENDING = "pending"  # its reason says what went wrong so far
    STORED = "stored"
    REMARKED = "remarked"  # stored, and the peer had something to say
    FAILED = "failed"

    @property
    def is_stored(self) -> bool:
        return self in {SendState.STORED, SendState.REMARKED}


class FileStatus(IntEnum):
    """MONAI Deploy's FileExportStatus, as md.export.complete carries it."""

    SUCCESS = 0
    CONFIGURATION_ERROR = 1
    UNSUPPORTED_DATA_TYPE = 2
    SERVICE_ERROR = 3
    DOWNLOAD_ERROR = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An export. `message` says why it waits, or why it did not succeed."""

    export_id: UUID
    origin: ExportOrigin
    workflow_instance_id: str
    export_task_id: str
    correlation_id: str
    agent: str
    payload_id: str | None
    problem: str
    received: datetime
    state: ExportState
    message: str
    next_try: datetime | None
    fencing_token: int  # grows with every run that takes it: what an earlier one writes is refused
    attempt: int  # number of its Prefect run, from 1
    flow_run_id: UUID | None
    settlements: int
    settled: datetime | None


@dataclass(frozen=True, slots=True)
class SendRow:
    """One file at one destination. `status` is the peer's code, `file_status` MONAI Deploy's."""

    destination: str
    path: str
    state: SendState
    file_status: FileStatus
    status: int | None
    reason: str
    attempts: int
    first_tried: datetime | None
    last_tried: datetime | None


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """A destination of an export. `away_since` is when this export first found it away, and nothing got there since.

    `output` tells apart what one name may stand for: the services that an inference request names.
    """

    position: int
    name: str
    output: int
    waits: bool
    away_since: datetime | None
    reason: str
