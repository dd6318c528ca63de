"""Work pool, queues and deployments, from one description."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.schedules import SCHEDULE_TYPES, IntervalSchedule
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.prefect_side.pools import Pool
from deployments.prefect_side.registration import DESCRIPTION_FILE, Description, read_descriptions, register
from gateway.errors import PrefectRefused, PrefectUnavailable
from tests.deployments.operator import Operator, on_both_databases
from tests.deployments.roles import ROOT
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer

TRIVIAL = Description("trivial", "tests.deployments.example_flows.trivial", "an example", ("tag",), "default")


def register_on(prefect: PrefectServer, work_pool: str, *descriptions: Description) -> None:
    register_at(prefect.api_url, work_pool, *descriptions)


def register_at(api_url: str, work_pool: str, *descriptions: Description) -> None:
    async def once() -> None:
        async with PrefectClient(api_url) as client:
            await register(client, [Pool(work_pool, ("node-1",))], descriptions)

    asyncio.run(once())


def test_the_file_describes_our_flows() -> None:
    entrypoints = {each.name: each.entrypoint for each in read_descriptions()}
    assert entrypoints == {
        "ingest": "flows.ingest.ingest_payload",
        "export": "flows.export.export_files",
        "retrieve": "flows.retrieve.retrieve_request",
        "retrieve-studies": "flows.retrieve_studies.retrieve_studies",
    }


def test_a_server_of_another_major_version_is_refused(
    prefect: PrefectServer, work_pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PrefectClient, "client_version", lambda client: "2.20.25")
    with pytest.raises(PrefectRefused, match=r"client: 2\.20\.25, server: 3\..* Major versions must match"):
        register_on(prefect, work_pool, TRIVIAL)


def test_a_server_that_is_away_is_waited_for(work_pool: str) -> None:
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(PrefectUnavailable, match="connection refused"),
    ):
        register_at(f"http://127.0.0.1:{free_port()}/api", work_pool, TRIVIAL)


@on_both_databases
def test_registering_makes_pool_queue_and_deployment(
    prefect: PrefectServer, operator: Operator, work_pool: str
) -> None:
    register_on(prefect, work_pool, TRIVIAL)
    assert operator.client.read_work_pool(work_pool).type == "gateway"
    assert operator.client.read_work_queue_by_name("node-1", work_pool_name=work_pool)
    deployment = operator.client.read_deployment_by_name("example-trivial/trivial")
    assert (deployment.work_pool_name, deployment.work_queue_name) == (work_pool, "default")
    assert (deployment.entrypoint, deployment.tags) == (TRIVIAL.entrypoint, ["tag"])
    assert set((deployment.parameter_openapi_schema or {})["properties"]) == {"payload_id"}


@on_both_databases
def test_registering_again_changes_nothing(prefect: PrefectServer, operator: Operator, work_pool: str) -> None:
    register_on(prefect, work_pool, TRIVIAL)
    before = operator.client.read_deployment_by_name("example-trivial/trivial")
    register_on(prefect, work_pool, TRIVIAL)
    after = operator.client.read_deployment_by_name("example-trivial/trivial")
    assert (after.id, after.updated) == (before.id, before.updated)


@on_both_databases
def test_what_differs_is_updated_and_what_an_operator_added_stays(
    prefect: PrefectServer, operator: Operator, work_pool: str
) -> None:
    register_on(prefect, work_pool, TRIVIAL)
    deployment = operator.client.read_deployment_by_name("example-trivial/trivial")
    schedules: list[tuple[SCHEDULE_TYPES, bool]] = [(IntervalSchedule(interval=timedelta(days=365)), True)]
    operator.client.create_deployment_schedules(deployment.id, schedules)
    operator.client.pause_deployment(deployment.id)
    register_on(prefect, work_pool, replace(TRIVIAL, description="a better one"))
    after = operator.client.read_deployment_by_name("example-trivial/trivial")
    assert (after.id, after.description) == (deployment.id, "a better one")
    assert after.paused
    assert len(after.schedules) == 1
    operator.client.delete_deployment(deployment.id)


def test_prefects_own_command_deploys_the_same_file(prefect: PrefectServer, operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    for description in read_descriptions():
        _, module, function = description.entrypoint.split(".")
        source = f"from prefect import flow\n@flow(name='{description.name}')\ndef {function}() -> None: ...\n"
        (tmp_path / "flows" / f"{module}.py").write_text(source)
    (tmp_path / "prefect.yaml").write_bytes(DESCRIPTION_FILE.read_bytes())
    register_on(prefect, "gateway")
    register_on(prefect, "gateway-retrieve")
    environment = os.environ | {"PREFECT_API_URL": prefect.api_url, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    deployment = operator.client.read_deployment_by_name("ingest/ingest")
    assert (deployment.work_pool_name, deployment.work_queue_name) == ("gateway", "default")
    assert (deployment.entrypoint, deployment.pull_steps) == ("flows.ingest.ingest_payload", [])
    deployment = operator.client.read_deployment_by_name("retrieve-studies/retrieve-studies")
    assert (deployment.work_pool_name, deployment.work_queue_name) == ("gateway-retrieve", "normal")


def test_the_file_beside_the_readme_is_the_one_of_the_package() -> None:
    assert (ROOT / "prefect.yaml").resolve() == DESCRIPTION_FILE.resolve()
