"""A deployment on a real server, and runs of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from gateway.errors import PrefectRefused
from gateway.runs.api import PrefectApi
from gateway.runs.deployment import DeploymentRuns
from gateway.runs.reading import read_run
from gateway.runs.run import Run, WantedRun
from tests.peers.prefect_server import PrefectServer

T = TypeVar("T")

on_both_databases = pytest.mark.parametrize(
    "prefect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)], indirect=True, scope="session"
)


@dataclass
class Scene:
    """A work pool and a deployment that are this test's own. What is asked is asked within one event loop."""

    loop: asyncio.Runner
    api: PrefectApi
    work_pool: str = field(default_factory=lambda: f"pool-{uuid4()}")
    deployment: str = field(default_factory=lambda: f"flow/name {uuid4()}")
    registered: int = 0

    async def register(self) -> None:
        """Make pool and deployment."""
        self.registered += 1
        flow, name = self.deployment.split("/")
        pool = {"name": self.work_pool, "type": "gateway", "base_job_template": {}}
        with suppress(PrefectRefused):  # 409: it is there
            await self.api.do("POST", "work_pools/", pool)
        flow_id = await self.api.ask("POST", "flows/", lambda answer: answer["id"], {"name": flow})
        deployment = {"name": name, "flow_id": flow_id, "work_pool_name": self.work_pool}
        await self.api.do("POST", "deployments/", deployment)

    def do(self, method: str, path: str, content: object = None) -> None:
        self.loop.run(self.api.do(method, path, content))

    def ask(self, question: Callable[..., Awaitable[T]], *arguments: object) -> T:
        async def once() -> T:
            return await question(self.api, *arguments)

        return self.loop.run(once())

    @property
    def runs(self) -> DeploymentRuns:
        return DeploymentRuns(self.api, self.deployment, self.register)

    def wanted(self, key: str | None = None, *, queue: str = "node-1", name: str = "a run") -> WantedRun:
        return WantedRun(key or str(uuid4()), {"payload_id": "an id"}, name, ["to PACS"], queue)

    def create(self, wanted: WantedRun | None = None) -> Run:
        return self.loop.run(self.runs.create(wanted or self.wanted()))

    def run_in(self, state_type: str, name: str | None = None) -> UUID:
        """A run that is in a state without having come there by itself."""
        run = self.create()
        states = [{"type": "RUNNING"}] if state_type == "CANCELLING" else []  # what does not run is Cancelled at once
        for state in [*states, {"type": state_type, "name": name}]:
            self.do("POST", f"flow_runs/{run.id}/set_state", {"state": state, "force": True})
        return run.id

    def run(self, run_id: UUID) -> Run:
        return self.ask(read_run, run_id)

    def delete(self, run_id: UUID) -> None:
        self.do("DELETE", f"flow_runs/{run_id}")


@pytest.fixture
def scene(prefect: PrefectServer) -> Iterator[Scene]:
    with asyncio.Runner() as loop:

        async def opened() -> PrefectApi:
            return PrefectApi(prefect.api_url)

        api = loop.run(opened())
        yield Scene(loop, api)
        loop.run(api.__aexit__(None, None, None))
