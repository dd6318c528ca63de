"""`mig worker`: the process."""

import asyncio
from collections.abc import Sequence

import structlog
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.prefect_api import DEFAULT_QUEUE, prefect_client
from deployments.process_lock import only_one
from deployments.registration import Description, read_descriptions, register
from deployments.services import Services
from deployments.stopping import stop_on_signals
from deployments.waking import finished_before
from deployments.worker.children import ChildPool
from deployments.worker.loop import POLL_SECONDS, WorkerLoop
from deployments.worker.worker import GatewayWorker
from gateway.config import Settings
from gateway.spool.node import Node, read_node

_SPARE = 2  # children that wait; each takes some 35 MB

_log = structlog.get_logger()


def serve(settings: Settings, descriptions: Sequence[Description] | None = None) -> None:
    """Work until SIGTERM. Raises AlreadyRunning where a worker with this name runs on this data directory."""
    # The loops wait for Prefect themselves: a client that did too would sleep on after Prefect is back.
    with only_one(settings.data_dir, "worker"), temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        asyncio.run(_serve(settings, read_descriptions() if descriptions is None else descriptions))


async def _serve(settings: Settings, descriptions: Sequence[Description]) -> None:
    stopping = stop_on_signals()
    node = read_node(settings.data_dir / "spool")
    children = ChildPool(
        min(settings.runs_at_once, _SPARE), [description.entrypoint for description in descriptions], settings.log
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(children.fill())
        there = await finished_before(stopping.in_order, _register(settings, node, descriptions))
    if there:
        worker = GatewayWorker(
            settings.prefect.work_pool,
            work_queues=[node.work_queue, DEFAULT_QUEUE],
            name=node.worker_name,
            limit=settings.runs_at_once,
            children=children,
            cancel_seconds=settings.worker.cancel_seconds,
        )
        await WorkerLoop(worker).run(stopping, settings.worker.drain_seconds)
    children.close()
    _log.info("worker stopped")


async def _register(settings: Settings, node: Node, descriptions: Sequence[Description]) -> None:
    async with prefect_client() as client:

        async def apply_descriptions() -> None:
            await register(client, settings.prefect.work_pool, [node.work_queue], descriptions)

        await Services(POLL_SECONDS).once(apply_descriptions)
