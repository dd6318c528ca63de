"""What the dispatcher asks of Prefect: runs of one deployment. All raise PrefectUnavailable or PrefectRefused."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound

from deployments.prefect_side.prefect_api import prefect_errors
from gateway.work.kind import WantedRun

_AT_ONCE = 100  # runs in one question
_TRIES = 8  # a server on SQLite says 503 whenever somebody else writes just then; the client pauses for 0.1 s


@dataclass
class DeploymentRuns:
    """Runs of one deployment. `register` is called where Prefect does not know it, or no longer."""

    client: PrefectClient
    deployment: str
    register: Callable[[], Awaitable[None]]
    _deployment_id: UUID | None = field(default=None, init=False)

    async def create(self, wanted: WantedRun) -> FlowRun:
        """Return the run with this key, created now unless it was before: then in whatever state it is."""
        with prefect_errors():
            for _ in range(_TRIES):
                try:
                    return await self._create(wanted)
                except httpx.HTTPStatusError as error:
                    self._go_on_after(error)
            return await self._create(wanted)

    async def over(self, run_ids: Sequence[UUID], ends: Collection[StateType]) -> dict[UUID, FlowRun | None]:
        """Return those of these runs that have come to one of these ends; None: it was deleted.

        A server that is asked for every run in full, every few seconds, has little time left for a long backlog.
        """
        found: dict[UUID, FlowRun | None] = {}
        with prefect_errors():
            for start in range(0, len(run_ids), _AT_ONCE):
                found |= await self._over(list(run_ids[start : start + _AT_ONCE]), ends)
        return found

    async def _over(self, run_ids: list[UUID], ends: Collection[StateType]) -> dict[UUID, FlowRun | None]:
        these = FlowRunFilter(id=FlowRunFilterId(any_=run_ids))
        if await self.client.count_flow_runs(flow_run_filter=these) < len(run_ids):
            there = {run.id: run for run in await self.client.read_flow_runs(flow_run_filter=these, limit=_AT_ONCE)}
            return {run_id: there.get(run_id) for run_id in run_ids}
        over = FlowRunFilter(
            id=FlowRunFilterId(any_=run_ids),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(ends))),
        )
        return {run.id: run for run in await self.client.read_flow_runs(flow_run_filter=over, limit=_AT_ONCE)}

    def _go_on_after(self, error: httpx.HTTPStatusError) -> None:
        """Raise what a second try will not change."""
        status = error.response.status_code
        if status == HTTPStatus.NOT_FOUND:  # the deployment was deleted since it was looked up
            self._deployment_id = None
        elif status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise error

    async def _create(self, wanted: WantedRun) -> FlowRun:
        return await self.client.create_flow_run_from_deployment(
            await self._known_deployment(),
            parameters=dict(wanted.parameters),
            name=wanted.name,
            tags=wanted.tags,
            work_queue_name=wanted.work_queue,
            idempotency_key=wanted.idempotency_key,
        )

    async def _known_deployment(self) -> UUID:
        if self._deployment_id is None:
            try:
                self._deployment_id = await self._look_up()
            except ObjectNotFound:
                await self.register()
                self._deployment_id = await self._look_up()
        return self._deployment_id

    async def _look_up(self) -> UUID:
        return (await self.client.read_deployment_by_name(self.deployment)).id
