"""Runs that wait for a part that is away, against a real server, with the clock moved."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry

from deployments.dispatcher.release import Release
from gateway.errors import BrokerUnavailable, Dependency
from gateway.waiting import waiting_message
from tests.clock import MovableClock
from tests.deployments.operator import Operator, on_both_databases
from tests.deployments.prefect_side.test_registration import TRIVIAL, register_on
from tests.peers.prefect_server import PrefectServer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)  # where the clock stands at first

pytestmark = on_both_databases


class Broker:
    """A part that answers or not, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answers = False
        self.asked = 0

    def check(self) -> None:
        self.asked += 1
        if not self.answers:
            raise BrokerUnavailable("away")


class Scene:
    def __init__(self, prefect: PrefectServer, operator: Operator, queue: str) -> None:
        self.prefect, self.operator, self.queue = prefect, operator, queue
        self.broker, self.clock = Broker(), MovableClock()
        self.release = Release(
            PrefectClient(prefect.api_url), [queue], {Dependency.EVENTS: self.broker.check}, self.clock
        )

    def waiting_run(self, seconds: float = 600, dependency: Dependency = Dependency.EVENTS) -> UUID:
        run_id = self.operator.trigger("example-trivial/trivial", work_queue_name=self.queue)
        self.wait_again(run_id, seconds, dependency)
        return run_id

    def wait_again(self, run_id: UUID, seconds: float = 600, dependency: Dependency = Dependency.EVENTS) -> None:
        due = datetime.fromtimestamp(self.clock.time_ns() / 1e9, UTC) + timedelta(seconds=seconds)
        state: State[None] = AwaitingRetry(message=waiting_message(dependency, "away", due), scheduled_time=due)
        self.operator.client.set_flow_run_state(run_id, state, force=True)

    def look(self) -> None:
        async def once() -> None:
            async with PrefectClient(self.prefect.api_url) as client:
                self.release.client = client
                await self.release.look()

        asyncio.run(once())

    def is_released(self, run_id: UUID) -> bool:
        return (self.operator.state(run_id).message or "").endswith("answers again.")


@pytest.fixture
def scene(prefect: PrefectServer, operator: Operator, work_pool: str) -> Scene:
    register_on(prefect, work_pool, TRIVIAL)
    return Scene(prefect, operator, "node-1")


def test_nobody_is_released_while_the_part_is_away(scene: Scene) -> None:
    run_id = scene.waiting_run()
    scene.look()
    assert not scene.is_released(run_id)


def test_all_that_wait_go_on_when_the_part_answers(scene: Scene) -> None:
    runs = [scene.waiting_run() for _ in range(3)]
    scene.look()
    scene.broker.answers = True
    scene.look()
    assert all(map(scene.is_released, runs))
    due = scene.operator.state(runs[0]).state_details.scheduled_time
    assert due
    assert due <= datetime.now(UTC)


def test_who_waits_for_something_else_goes_on_waiting(scene: Scene) -> None:
    run_id = scene.waiting_run(dependency=Dependency.OBJECT_STORE)
    scene.broker.answers = True
    scene.look()
    assert not scene.is_released(run_id)


def test_a_run_that_is_due_anyway_is_left_to_start_by_itself(scene: Scene) -> None:
    run_id = scene.waiting_run(seconds=4)
    scene.broker.answers = True
    scene.look()
    assert not scene.is_released(run_id)


def test_a_run_that_fails_again_though_the_part_answers_keeps_its_own_delay(scene: Scene) -> None:
    run_id = scene.waiting_run()
    scene.broker.answers = True
    scene.look()
    scene.wait_again(run_id)
    for _ in range(5):
        scene.clock.move(2)
        scene.look()
    assert not scene.is_released(run_id)


def test_the_next_outage_releases_it_again(scene: Scene) -> None:
    run_id = scene.waiting_run()
    scene.broker.answers = True
    scene.look()
    scene.wait_again(run_id)
    scene.broker.answers = False
    scene.clock.move(16)
    scene.look()
    scene.broker.answers = True
    scene.look()
    assert scene.is_released(run_id)


def test_a_part_that_answers_is_asked_seldom_while_nobody_is_to_be_released(scene: Scene) -> None:
    run_id = scene.waiting_run()
    scene.broker.answers = True
    scene.look()
    scene.wait_again(run_id)
    asked = scene.broker.asked
    for _ in range(10):
        scene.clock.move(2)
        scene.look()
    assert scene.broker.asked - asked == 1


def test_the_oldest_goes_first(scene: Scene) -> None:
    scene.broker.answers = True
    runs = [scene.waiting_run() for _ in range(3)]
    scene.look()
    released = [scene.operator.state(run_id).timestamp for run_id in runs]
    assert released == sorted(released)
