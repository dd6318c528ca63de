"""How a run is put back, cancelled or declared crashed from outside: the calls behind the dashboard's buttons.

Prefect judges what is proposed by the state that the run is in by then. Its verdict is returned; a run that was deleted
raises NotInPrefect.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from gateway.runs.api import PrefectApi
from gateway.runs.run import AWAITING_RETRY, StateType


class Judgement(StrEnum):
    """What Prefect made of a proposed state."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"  # the run is in another state instead
    ABORT = "ABORT"  # the run stays as it is
    WAIT = "WAIT"  # to be proposed again later


@dataclass(frozen=True, slots=True)
class Verdict:
    """Prefect's answer to a proposal: the state that the run is in now, and why where it is not the proposed one."""

    judgement: Judgement
    state_type: StateType
    state_name: str
    reason: str | None

    @property
    def is_accepted(self) -> bool:
        return self.judgement is Judgement.ACCEPT

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        state, details = answer["state"], answer["details"]
        return cls(Judgement(answer["status"]), StateType(state["type"]), state["name"], details.get("reason"))


async def put_back(api: PrefectApi, run_id: UUID, why: str) -> Verdict:
    """Have a run picked up again at once, as one that waits and is due. Nothing of ours may be running it.

    It is what Retry does in the dashboard, and works for ended and waiting runs; not for one that is Cancelling.
    """
    return await wait_until(api, run_id, datetime.now(UTC), why)


async def wait_until(api: PrefectApi, run_id: UUID, due: datetime, why: str) -> Verdict:
    """Have a run wait, and be picked up when it is due."""
    details = {"scheduled_time": due.isoformat()}
    state = {"type": StateType.SCHEDULED, "name": AWAITING_RETRY, "message": why, "state_details": details}
    return await _propose(api, run_id, state)


async def cancel(api: PrefectApi, run_id: UUID) -> Verdict:
    """End a run, as Cancel in the dashboard does.

    A run in a worker's hands is Cancelling until that has ended its process. Any other is Cancelled at once, though
    Prefect calls that a rejection: the verdict's state says it. A run that had ended stays as it was.
    """
    return await _propose(api, run_id, {"type": StateType.CANCELLING})


async def mark_cancelled(api: PrefectApi, run_id: UUID, why: str) -> Verdict:
    """End a run that is Cancelling. Only force does it from any state: Prefect expects its own runner to."""
    return await _propose(api, run_id, {"type": StateType.CANCELLED, "message": why}, force=True)


async def mark_failed(api: PrefectApi, run_id: UUID, why: str) -> Verdict:
    """End a run that nobody will carry out."""
    return await _propose(api, run_id, {"type": StateType.FAILED, "message": why}, force=True)


async def mark_crashed(api: PrefectApi, run_id: UUID, why: str) -> Verdict:
    """Propose Crashed: refused, and rightly, where the run has ended or is Cancelling."""
    return await _propose(api, run_id, {"type": StateType.CRASHED, "message": why})


async def forget_process(api: PrefectApi, run_id: UUID) -> None:
    """Take the process off a run that waits: with one, Cancel would wait for somebody to end that process."""
    await api.do("PATCH", f"flow_runs/{run_id}", {"infrastructure_pid": None})


async def set_tags(api: PrefectApi, run_id: UUID, tags: Collection[str]) -> None:
    """Have a run carry these tags, instead of those it has. Runs are found by them."""
    await api.do("PATCH", f"flow_runs/{run_id}", {"tags": list(tags)})


async def set_name(api: PrefectApi, run_id: UUID, name: str) -> None:
    """Have a run that others have made be called so: by itself Prefect makes a name up."""
    await api.do("PATCH", f"flow_runs/{run_id}", {"name": name})


async def _propose(api: PrefectApi, run_id: UUID, state: Mapping[str, Any], *, force: bool = False) -> Verdict:
    return await api.ask("POST", f"flow_runs/{run_id}/set_state", Verdict.of, {"state": state, "force": force})
