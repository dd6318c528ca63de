"""A flow run, as far as we look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

AWAITING_RETRY = "AwaitingRetry"  # the name of the state of a run that waits


class StateType(StrEnum):
    """What Prefect's rules go by. The name of a state says more: AwaitingRetry is of type SCHEDULED, say."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self in {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}

    @property
    def is_at_work(self) -> bool:
        """Whether a worker has such a run in hand."""
        return self in {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}


@dataclass(frozen=True, slots=True)
class WantedRun:
    """A run to be there: of what, under which key, and how the dashboard shows it: by ids, counts and classes."""

    idempotency_key: str
    parameters: Mapping[str, str]
    name: str
    tags: Sequence[str]
    work_queue: str

    def as_json(self) -> dict[str, Any]:
        return {
            "idempotency_key": self.idempotency_key,
            "parameters": dict(self.parameters),
            "name": self.name,
            "tags": list(self.tags),
            "work_queue_name": self.work_queue,
        }


@dataclass(frozen=True, slots=True)
class PastState:
    """A state that a run is or was in."""

    type: StateType
    since: datetime
    message: str | None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Read a state as Prefect answers it."""
        return cls(StateType(answer["type"]), datetime.fromisoformat(answer["timestamp"]), answer.get("message"))


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was when Prefect answered. Its parameters are left out: nobody here needs them."""

    id: UUID
    name: str
    state_type: StateType
    state_name: str
    message: str | None
    scheduled_time: datetime | None  # of its state: when a run that waits is due
    state_since: datetime | None
    tags: tuple[str, ...]
    work_pool: str | None
    work_queue: str | None
    deployment_id: UUID | None
    idempotency_key: str | None
    infrastructure_pid: str | None
    run_count: int
    created: datetime | None
    expected_start: datetime | None
    start: datetime | None
    end: datetime | None

    @property
    def is_waiting(self) -> bool:
        """Whether it has given its slot back until what it waits for answers, or its time comes."""
        return self.state_name == AWAITING_RETRY

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Read a run as Prefect answers it."""
        state = answer["state"] or {}
        # Prefect itself takes a run without a state as one that is pending.
        state_type = StateType(answer["state_type"] or StateType.PENDING)
        return cls(
            id=UUID(answer["id"]),
            name=answer["name"],
            state_type=state_type,
            state_name=answer["state_name"] or state_type.capitalize(),
            message=state.get("message"),
            scheduled_time=moment(state.get("state_details", {}).get("scheduled_time")),
            state_since=moment(state.get("timestamp")),
            tags=tuple(answer["tags"]),
            work_pool=answer["work_pool_name"],
            work_queue=answer["work_queue_name"],
            deployment_id=_uuid(answer["deployment_id"]),
            idempotency_key=answer["idempotency_key"],
            infrastructure_pid=answer["infrastructure_pid"],
            run_count=answer["run_count"],
            created=moment(answer["created"]),
            expected_start=moment(answer["expected_start_time"]),
            start=moment(answer["start_time"]),
            end=moment(answer["end_time"]),
        )


def moment(text: str | None) -> datetime | None:
    """Read a time as Prefect writes it."""
    return datetime.fromisoformat(text) if text else None


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
