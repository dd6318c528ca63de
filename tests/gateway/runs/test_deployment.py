"""Runs of a named deployment, on a real server."""

from uuid import UUID

import pytest

from gateway.errors import NotInPrefect
from gateway.runs.deployment import deployment_id
from gateway.runs.run import StateType
from tests.gateway.runs.conftest import Scene, on_both_databases

pytestmark = on_both_databases


def test_a_run_is_as_it_was_wanted(scene: Scene) -> None:
    run = scene.create(scene.wanted("a key of " + scene.work_pool, name="MIG ← CT01, 3 instances"))
    assert (run.name, run.tags, run.work_queue) == ("MIG ← CT01, 3 instances", ("to PACS",), "node-1")
    assert (run.work_pool, run.idempotency_key) == (scene.work_pool, "a key of " + scene.work_pool)
    assert (run.state_type, run.state_name, run.run_count) == (StateType.SCHEDULED, "Scheduled", 0)
    assert run.deployment_id == scene.ask(deployment_id, scene.deployment)
    assert run.created
    assert run == scene.run(run.id)


def test_a_run_with_a_known_key_is_the_one_that_is_there(scene: Scene) -> None:
    wanted = scene.wanted()
    first = scene.create(wanted)
    scene.do("POST", f"flow_runs/{first.id}/set_state", {"state": {"type": "FAILED"}, "force": True})
    again = scene.create(wanted)
    assert (again.id, again.state_type) == (first.id, StateType.FAILED)


def test_a_deployment_that_prefect_does_not_know_is_registered_once(scene: Scene) -> None:
    scene.create()
    scene.create()
    assert scene.registered == 1


def test_a_deployment_that_was_deleted_meanwhile_is_registered_again(scene: Scene) -> None:
    runs = scene.runs
    scene.loop.run(runs.create(scene.wanted()))
    known = scene.ask(deployment_id, scene.deployment)
    scene.do("DELETE", f"deployments/{known}")
    assert scene.loop.run(runs.create(scene.wanted())).deployment_id != known
    assert scene.registered == 2


def test_where_registering_does_not_help_that_is_said(scene: Scene) -> None:
    runs = scene.runs

    async def in_vain() -> None:
        return

    runs.register = in_vain
    with pytest.raises(NotInPrefect):
        scene.loop.run(runs.create(scene.wanted()))


def test_a_deployment_is_found_by_its_name(scene: Scene) -> None:
    scene.create()
    assert isinstance(scene.ask(deployment_id, scene.deployment), UUID)
    with pytest.raises(NotInPrefect, match="Prefect does not know it"):
        scene.ask(deployment_id, "flow/unknown")
