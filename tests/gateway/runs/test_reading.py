"""Which runs there are, asked of a real server."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from gateway.errors import NotInPrefect
from gateway.runs import reading
from gateway.runs.reading import (
    RunFilter,
    count_runs,
    find_run,
    find_runs,
    read_run,
    read_states,
    runs_by_id,
    runs_over,
)
from gateway.runs.run import Run, StateType
from gateway.runs.states import set_tags, wait_until
from tests.gateway.runs.conftest import Scene, on_both_databases

pytestmark = on_both_databases


def ids(runs: list[Run]) -> set[UUID]:
    return {run.id for run in runs}


def test_a_deleted_run_is_not_in_prefect(scene: Scene) -> None:
    run = scene.create()
    scene.delete(run.id)
    assert scene.ask(find_run, run.id) is None
    with pytest.raises(NotInPrefect):
        scene.ask(read_run, run.id)


def test_runs_are_found_by_state_queue_and_pool(scene: Scene) -> None:
    waiting, failed = scene.run_in("SCHEDULED", "AwaitingRetry"), scene.run_in("FAILED")
    scheduled, elsewhere = scene.create(), scene.create(scene.wanted(queue="node-2"))
    pool = scene.work_pool
    assert ids(scene.ask(find_runs, RunFilter(pool))) == {waiting, failed, scheduled.id, elsewhere.id}
    assert ids(scene.ask(find_runs, RunFilter(pool, state_names=["AwaitingRetry"]))) == {waiting}
    assert ids(scene.ask(find_runs, RunFilter(pool, queues=["node-2", "node-3"]))) == {elsewhere.id}
    assert ids(scene.ask(find_runs, RunFilter(pool, ["node-1"], [StateType.FAILED]))) == {failed}
    assert ids(scene.ask(find_runs, RunFilter(pool, ids=[failed, waiting], types=[StateType.SCHEDULED]))) == {waiting}
    assert scene.ask(count_runs, RunFilter(pool, ["node-1"])) == 3


def test_runs_are_found_by_a_tag_that_was_set_later(scene: Scene) -> None:
    scene.create()
    waiting = scene.create()
    scene.ask(set_tags, waiting.id, [*waiting.tags, "waits for the event broker"])
    assert scene.run(waiting.id).tags == ("to PACS", "waits for the event broker")
    assert ids(scene.ask(find_runs, RunFilter(scene.work_pool, tags=["waits for the event broker"]))) == {waiting.id}


def test_all_of_many_are_found_page_by_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PAGE", 3)
    monkeypatch.setattr(reading, "_IDS_AT_ONCE", 4)
    created = [scene.create().id for _ in range(7)]
    assert [run.id for run in scene.ask(find_runs, RunFilter(scene.work_pool))] == created
    assert [run.id for run in scene.ask(find_runs, RunFilter(scene.work_pool), 4)] == created[:4]
    assert list(scene.ask(runs_by_id, created)) == created


def test_over_are_those_that_have_ended_so_or_were_deleted(scene: Scene) -> None:
    crashed, failed, running = scene.run_in("CRASHED"), scene.run_in("FAILED"), scene.run_in("RUNNING")
    ends = [StateType.CRASHED, StateType.COMPLETED]
    assert set(scene.ask(runs_over, [crashed, failed, running], ends)) == {crashed}
    deleted = uuid4()
    over = scene.ask(runs_over, [crashed, deleted, failed, running], ends)
    assert set(over) == {crashed, deleted}
    assert over[deleted] is None


def test_a_run_that_waits_says_why_and_until_when(scene: Scene) -> None:
    run, due = scene.create(), datetime.now(UTC) + timedelta(minutes=5)
    assert not run.is_waiting
    scene.ask(wait_until, run.id, due, "Waits.")
    run = scene.run(run.id)
    assert (run.is_waiting, run.message, run.scheduled_time) == (True, "Waits.", due)


def test_the_states_of_a_run_are_all_there_the_first_one_first(scene: Scene) -> None:
    run = scene.create()
    scene.ask(wait_until, run.id, datetime.now(UTC), "Waits.")
    states = scene.ask(read_states, run.id)
    assert [state.type for state in states] == [StateType.SCHEDULED] * 2
    assert states[-1].message == "Waits."
    assert states[0].since < states[-1].since
    assert scene.ask(read_states, uuid4()) == []
