"""Runs of one named deployment, created once for each key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID

from gateway.errors import NotInPrefect
from gateway.runs.api import PrefectApi
from gateway.runs.run import Run, WantedRun


@dataclass
class DeploymentRuns:
    """Runs of the deployment `flow/name`. `register` is called where Prefect does not know it, or no longer."""

    api: PrefectApi
    deployment: str
    register: Callable[[], Awaitable[None]]
    _deployment_id: UUID | None = field(default=None, init=False)

    async def create(self, wanted: WantedRun) -> Run:
        """Return the run with this key, created now unless it was before: then in whatever state it is."""
        try:
            return await self._create(wanted)
        except NotInPrefect:  # the deployment was deleted since it was looked up
            self._deployment_id = None
            return await self._create(wanted)

    async def _create(self, wanted: WantedRun) -> Run:
        path = f"deployments/{await self._known_deployment()}/create_flow_run"
        return await self.api.ask("POST", path, Run.of, wanted.as_json())

    async def _known_deployment(self) -> UUID:
        if self._deployment_id is None:
            try:
                self._deployment_id = await deployment_id(self.api, self.deployment)
            except NotInPrefect:
                await self.register()
                self._deployment_id = await deployment_id(self.api, self.deployment)
        return self._deployment_id


async def deployment_id(api: PrefectApi, deployment: str) -> UUID:
    """Return the id of the deployment `flow/name`. Raises NotInPrefect."""
    return await api.ask("GET", f"deployments/name/{quote(deployment)}", lambda answer: UUID(answer["id"]))
