"""What an operator does in the dashboard: the same calls."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import AwaitingRetry, Cancelling, Scheduled

from tests.waiting import wait_until

on_both_databases = pytest.mark.parametrize(
    "prefect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)], indirect=True, scope="session"
)


@dataclass(frozen=True, slots=True)
class Operator:
    """Triggers, watches, cancels and retries runs."""

    client: SyncPrefectClient

    def trigger(self, deployment: str, parameters: dict[str, Any] | None = None, **options: Any) -> UUID:
        """Start a run of the deployment `flow/name`."""
        known = self.client.read_deployment_by_name(deployment)
        return self.client.create_flow_run_from_deployment(known.id, parameters=parameters or {}, **options).id

    def run(self, run_id: UUID) -> FlowRun:
        return self.client.read_flow_run(run_id)

    def state(self, run_id: UUID) -> State[Any]:
        state = self.run(run_id).state
        assert state
        return state

    def history(self, run_id: UUID) -> list[State[Any]]:
        return self.client.read_flow_run_states(run_id)

    def wait_for(self, run_id: UUID, *names: str, within_seconds: float = 20) -> State[Any]:
        """Wait until the run is in the state of one of these names."""
        wait_until(lambda: self.state(run_id).name in names, within_seconds, f"run {run_id} to be {names}")
        return self.state(run_id)

    def cancel(self, run_id: UUID) -> None:
        self.client.set_flow_run_state(run_id, Cancelling())

    def retry(self, run_id: UUID) -> None:
        """The button Retry, for an ended run; nothing keeps us from pressing it for one that waits."""
        self.client.set_flow_run_state(run_id, AwaitingRetry(scheduled_time=datetime.now(UTC)))

    def names(self, run_id: UUID) -> list[str]:
        """The names of the states that it went through."""
        return [state.name or "" for state in self.history(run_id)]


def scheduled_at(moment: datetime) -> State[Any]:
    return Scheduled(scheduled_time=moment)
