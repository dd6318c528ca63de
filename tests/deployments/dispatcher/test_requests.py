"""Inference requests and their runs, kept together against a real Prefect server."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Crashed, Failed, Running
from sqlalchemy import text

from deployments.dispatcher.deployment_runs import DeploymentRuns
from deployments.dispatcher.left_areas import LeftAreas
from deployments.dispatcher.requests import RequestDispatcher
from deployments.prefect_side.pools import Pool
from deployments.prefect_side.registration import register
from gateway.disk.room import Room
from gateway.inference.hold import take
from gateway.inference.identity import PriorityClass, request_id
from gateway.inference.row import RequestRow, RequestState
from gateway.inference.store import RequestStore, opened_request_store
from gateway.inference.submission import read_submission
from gateway.retrieval.areas import Areas
from tests.deployments.operator import Operator, scheduled_at
from tests.deployments.prefect_side.test_registration import TRIVIAL
from tests.gateway.inference.requests import as_body, inference_request
from tests.peers.prefect_server import PrefectServer

NOW = datetime.now(UTC)
WEEK = timedelta(days=7)
ASKED = request_id("T-1")


class Scene:
    """The requests' dispatcher, one step at a time."""

    def __init__(self, prefect: PrefectServer, operator: Operator, pool: Pool, store: RequestStore) -> None:
        self.prefect, self.operator, self.pool, self.store = prefect, operator, pool, store

    def step(self, name: str) -> None:
        """Take a step of a dispatcher that has just started."""

        async def once() -> None:
            async with PrefectClient(self.prefect.api_url) as client:

                async def registered() -> None:
                    await register(client, [self.pool], [TRIVIAL])

                await registered()
                runs = DeploymentRuns(client, "example-trivial/trivial", registered)
                await getattr(RequestDispatcher(self.store, runs, WEEK), name)()

        asyncio.run(once())

    def accept(self, transaction_id: str = "T-1", priority: int = 128) -> None:
        request = inference_request(transaction_id=transaction_id) | {"priority": priority}
        submission = read_submission(as_body(request), allow_credentials_over_http=True)
        self.store.accept(submission, None, datetime.now(UTC))

    def row(self, transaction_id: str = "T-1") -> RequestRow:
        row = self.store.find_by_transaction(transaction_id)
        assert row
        return row

    def run_id(self, transaction_id: str = "T-1") -> UUID:
        run_id = self.row(transaction_id).flow_run_id
        assert run_id
        return run_id

    def put_run_into(self, state: State[Any]) -> None:
        """The request has a run, which is in this state."""
        self.accept()
        self.step("look")
        self.operator.client.set_flow_run_state(self.run_id(), state, force=True)
        self.step("reconcile")


@pytest.fixture
def scene(tmp_path: Path, prefect: PrefectServer, operator: Operator, work_pool: str) -> Iterator[Scene]:
    pool = Pool(work_pool, tuple(PriorityClass), ordered=True, at_once=3)
    with opened_request_store(f"sqlite:///{tmp_path}/gateway.db") as store:
        yield Scene(prefect, operator, pool, store)


def test_a_request_gets_one_run_in_the_queue_of_its_class(scene: Scene) -> None:
    scene.accept("T-1", priority=255)
    scene.accept("T-2", priority=1)
    scene.step("look")
    run = scene.operator.run(scene.run_id("T-1"))
    assert (run.work_queue_name, run.parameters) == ("immediate", {"request_id": str(ASKED)})
    assert run.name == f"1 input from 1 source, {str(ASKED)[:8]}"
    assert scene.operator.run(scene.run_id("T-2")).work_queue_name == "lower"


def test_a_request_whose_run_was_not_noted_gets_no_second(scene: Scene) -> None:
    """As after a kill between the two, and as where two dispatchers look at the same time."""
    scene.accept()
    scene.step("look")
    with scene.store.engine.begin() as connection:
        connection.execute(text("UPDATE inference_requests SET flow_run_id = NULL"))
    first = scene.operator.client.read_flow_runs()
    scene.step("look")
    assert len(scene.operator.client.read_flow_runs()) == len(first)
    assert scene.run_id() in {run.id for run in first}


def test_the_queues_start_in_the_order_of_the_classes(scene: Scene) -> None:
    scene.accept()
    scene.step("look")
    queues = scene.operator.client.read_work_queues(work_pool_name=scene.pool.name)
    ordered = sorted((queue for queue in queues if queue.name != "default"), key=lambda queue: queue.priority or 0)
    assert [queue.name for queue in ordered] == ["immediate", "higher", "normal", "lower"]
    assert len({queue.priority for queue in queues}) == 5
    assert scene.operator.client.read_work_pool(scene.pool.name).concurrency_limit == 3


def test_a_failed_run_fails_its_request(scene: Scene) -> None:
    scene.put_run_into(Failed(message="a bug"))
    assert (scene.row().state, scene.row().message) == (RequestState.FAILED, "a bug")


def test_a_cancelled_run_cancels_its_request(scene: Scene) -> None:
    scene.put_run_into(Cancelled())
    assert scene.row().state is RequestState.CANCELLED


def test_a_run_that_was_deleted_is_replaced(scene: Scene) -> None:
    scene.accept()
    scene.step("look")
    scene.operator.client.delete_flow_run(scene.run_id())
    scene.step("reconcile")
    scene.step("look")
    assert scene.row().attempt == 2
    assert scene.operator.state(scene.run_id()).name == "Scheduled"


@pytest.mark.parametrize("state", [Running(), scheduled_at(NOW + WEEK), Crashed(), Completed()])
def test_a_run_that_goes_on_or_has_just_ended_is_waited_for(scene: Scene, state: State[Any]) -> None:
    """What crashes again and again comes at growing intervals: the first is of ten seconds."""
    scene.put_run_into(state)
    assert (scene.row().state, scene.row().attempt) == (RequestState.QUEUED, 1)


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [
        (RequestState.RUNNING, True),
        (RequestState.WAITING, True),
        (RequestState.FAILED, True),
        (RequestState.COMPLETED, False),
        (RequestState.CANCELLED, False),
    ],
)
def test_areas_of_requests_that_are_over_are_removed(
    scene: Scene, tmp_path: Path, state: RequestState, is_kept: bool
) -> None:
    areas = Areas(tmp_path, Room(tmp_path, 0))
    scene.accept()
    hold = take(scene.store, ASKED, UUID(int=1), NOW)
    assert hold
    with areas.open(ASKED, hold.epoch):
        asyncio.run(LeftAreas(areas, scene.store, WEEK).look())
        assert list(areas.states())
    if state is RequestState.WAITING:
        hold.wait("away", NOW, NOW)
    elif state is RequestState.FAILED:
        hold.fail("no such study", NOW)
    elif state is RequestState.COMPLETED:
        hold.complete(NOW)
    elif state is RequestState.CANCELLED:
        scene.store.cancel(ASKED, "cancelled", NOW)
    asyncio.run(LeftAreas(areas, scene.store, WEEK).look())
    assert bool(list(areas.states())) == is_kept
    asyncio.run(LeftAreas(areas, scene.store, WEEK, lambda: NOW + 2 * WEEK).look())
    assert bool(list(areas.states())) == (is_kept and state is not RequestState.FAILED)


def test_the_area_of_a_request_that_is_at_work_elsewhere_is_removed(scene: Scene, tmp_path: Path) -> None:
    areas = Areas(tmp_path, Room(tmp_path, 0))
    scene.accept()
    hold = take(scene.store, ASKED, UUID(int=1), NOW)
    assert hold
    with areas.open(ASKED, hold.epoch):
        take(scene.store, ASKED, UUID(int=2), NOW)
    asyncio.run(LeftAreas(areas, scene.store, WEEK).look())
    assert list(areas.states()) == []
