"""Runs of workers that do not come back, against a real server, with the clock moved."""

import asyncio
from uuid import UUID

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Cancelling, Pending, Running

from deployments.dispatcher.lost_workers import LostWorkers
from gateway.runs.api import PrefectApi
from tests.clock import MovableClock
from tests.deployments.operator import Operator, on_both_databases
from tests.deployments.prefect_side.test_registration import TRIVIAL, register_on
from tests.peers.prefect_server import PrefectServer

WORKER = "ward-3-1f3c9a2e"

pytestmark = on_both_databases


class Scene:
    def __init__(self, prefect: PrefectServer, operator: Operator, work_pool: str) -> None:
        self.prefect, self.operator, self.work_pool = prefect, operator, work_pool
        self.clock = MovableClock()
        self.lost = LostWorkers(PrefectApi(prefect.api_url), work_pool, ["node-1", "default"], self.clock)

    def run_in(self, state: State[None], process: str | None = f"{WORKER}:4711") -> UUID:
        run_id = self.operator.trigger("example-trivial/trivial", work_queue_name="node-1")
        self.operator.client.set_flow_run_state(run_id, state, force=True)
        if process:
            self.operator.client.update_flow_run(run_id, infrastructure_pid=process)
        return run_id

    def heartbeat(self) -> None:
        self.operator.client.send_worker_heartbeat(self.work_pool, WORKER, 20)

    def look(self) -> None:
        async def once() -> None:
            async with PrefectApi(self.prefect.api_url) as api:
                self.lost.api = api
                await self.lost.look()

        asyncio.run(once())

    def look_for(self, seconds: int, *, beating: bool = False) -> None:
        """Look every half minute."""
        for _ in range(0, seconds, 30):
            if beating:
                self.heartbeat()
            self.clock.move(30)
            self.look()


@pytest.fixture
def scene(prefect: PrefectServer, operator: Operator, work_pool: str) -> Scene:
    register_on(prefect, work_pool, TRIVIAL)
    scene = Scene(prefect, operator, work_pool)
    scene.heartbeat()
    return scene


def test_a_running_run_is_put_back_when_its_worker_was_silent_for_five_minutes(scene: Scene) -> None:
    run_id = scene.run_in(Running())
    scene.look_for(300)
    assert scene.operator.state(run_id).name == "Running"
    scene.look_for(60)
    assert scene.operator.state(run_id).name == "AwaitingRetry"


def test_a_pending_run_is_put_back_whose_claim_names_the_lost_worker(scene: Scene) -> None:
    run_id = scene.run_in(Pending(message=f"Claimed by worker {WORKER}."), process=None)
    scene.look_for(360)
    assert scene.operator.state(run_id).name == "AwaitingRetry"


def test_a_cancelling_run_of_a_lost_worker_is_cancelled(scene: Scene) -> None:
    run_id = scene.run_in(Cancelling())
    scene.look_for(360)
    assert scene.operator.state(run_id).name == "Cancelled"


def test_a_worker_that_lives_keeps_its_runs(scene: Scene) -> None:
    run_id = scene.run_in(Running())
    scene.look_for(600, beating=True)
    assert scene.operator.state(run_id).name == "Running"


def test_an_outage_of_prefect_does_not_count_against_the_workers(scene: Scene) -> None:
    run_id = scene.run_in(Running())
    scene.look_for(60)
    scene.clock.move(3600)
    scene.look()
    scene.look_for(240)
    assert scene.operator.state(run_id).name == "Running"


def test_a_worker_that_prefect_does_not_know_is_lost_as_well(scene: Scene) -> None:
    run_id = scene.run_in(Running(), process="deleted-worker:1")
    scene.look_for(360)
    assert scene.operator.state(run_id).name == "AwaitingRetry"


def test_a_run_that_names_nobody_is_left_alone(scene: Scene) -> None:
    run_id = scene.run_in(Running(), process=None)
    scene.look_for(600)
    assert scene.operator.state(run_id).name == "Running"
