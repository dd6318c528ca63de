"""Make Prefect know our work pools, their queues and the deployments that prefect.yaml describes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import yaml
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.utilities.callables import parameter_schema

from deployments.prefect_side.pools import INGEST, Pool
from deployments.prefect_side.prefect_api import check_version, prefect_client, prefect_errors
from deployments.worker.worker import GatewayWorker

DESCRIPTION_FILE = Path(__file__).parent.with_name("prefect.yaml")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Description:
    """One deployment, as prefect.yaml describes it."""

    name: str
    entrypoint: str
    description: str
    tags: tuple[str, ...]
    work_queue: str
    work_pool: str = INGEST  # as the file calls it

    def load_flow(self) -> Flow[..., object]:
        return load_flow_from_entrypoint(self.entrypoint, use_placeholder_flow=False)


def read_descriptions(file: Path = DESCRIPTION_FILE) -> tuple[Description, ...]:
    """Return the deployments of a prefect.yaml."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(
        Description(
            name=entry["name"],
            entrypoint=entry["entrypoint"],
            description=entry["description"],
            tags=tuple(entry["tags"]),
            work_queue=entry["work_pool"]["work_queue_name"],
            work_pool=entry["work_pool"]["name"],
        )
        for entry in content["deployments"]
    )


async def register_at_once(pools: Sequence[Pool], descriptions: Sequence[Description]) -> None:
    """The same with a client of our own, which does not wait where Prefect is away: who calls us does."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        async with prefect_client() as client:
            await register(client, pools, descriptions)


async def register(client: PrefectClient, pools: Sequence[Pool], descriptions: Sequence[Description]) -> None:
    """Create what is missing, update what differs, and leave alone what an operator added.

    Raises PrefectUnavailable and PrefectRefused, the latter also for a server of another major version.
    """
    flows = [description.load_flow() for description in descriptions]  # which takes as long as Prefect to start
    with prefect_errors():
        await check_version(client)
        for pool in pools:
            await _ensure_work_pool(client, pool)
            for number, queue in enumerate(pool.queues, 1):
                await _ensure_queue(client, pool.name, queue, priority=number if pool.ordered else None)
        names = {pool.described_as: pool.name for pool in pools}
        for description, flow in zip(descriptions, flows, strict=True):
            await _ensure_deployment(client, names[description.work_pool], description, flow)


async def _ensure_work_pool(client: PrefectClient, wanted: Pool) -> None:
    name = wanted.name
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        template = GatewayWorker.get_default_base_job_template()
        try:
            await client.create_work_pool(
                WorkPoolCreate(
                    name=name,
                    type=GatewayWorker.type,
                    base_job_template=template,
                    concurrency_limit=wanted.at_once,
                )
            )
        except ObjectAlreadyExists:  # another process of ours was quicker
            return
        _log.info("work pool created", work_pool=name)
        return
    if pool.type != GatewayWorker.type:
        _log.warning("prefect.work_pool: this work pool is of another type", work_pool=name, type=pool.type)
    if wanted.at_once is not None and pool.concurrency_limit != wanted.at_once:
        await client.update_work_pool(name, WorkPoolUpdate(concurrency_limit=wanted.at_once))
        _log.info("work pool updated", work_pool=name, at_once=wanted.at_once)


async def _ensure_queue(client: PrefectClient, work_pool: str, queue: str, *, priority: int | None) -> None:
    try:
        await client.read_work_queue_by_name(queue, work_pool_name=work_pool)
    except ObjectNotFound:
        try:
            await client.create_work_queue(name=queue, work_pool_name=work_pool, priority=priority)
        except ObjectAlreadyExists:
            return
        _log.info("work queue created", work_pool=work_pool, work_queue=queue)


async def _ensure_deployment(
    client: PrefectClient, work_pool: str, description: Description, flow: Flow[..., object]
) -> None:
    try:
        known = await client.read_deployment_by_name(f"{flow.name}/{description.name}")
    except ObjectNotFound:
        await _create_deployment(client, work_pool, description, flow)
        return
    wanted = _wanted(work_pool, description, flow)
    if any(getattr(known, name) != value for name, value in wanted.items()):
        await client.update_deployment(known.id, DeploymentUpdate(**wanted))
        _log.info("deployment updated", deployment=f"{flow.name}/{description.name}")


async def _create_deployment(
    client: PrefectClient, work_pool: str, description: Description, flow: Flow[..., object]
) -> None:
    flow_id = await client.create_flow_from_name(flow.name)
    await client.create_deployment(flow_id, description.name, **_wanted(work_pool, description, flow))
    _log.info("deployment created", deployment=f"{flow.name}/{description.name}")


def _wanted(work_pool: str, description: Description, flow: Flow[..., object]) -> dict[str, Any]:
    """What the file and the flow say of a deployment; schedules, a pause and limits are the operator's."""
    return {
        "description": description.description,
        "tags": list(description.tags),
        "work_pool_name": work_pool,
        "work_queue_name": description.work_queue,
        "entrypoint": description.entrypoint,
        "pull_steps": [],
        "parameter_openapi_schema": parameter_schema(flow).model_dump(exclude_unset=True),
    }
