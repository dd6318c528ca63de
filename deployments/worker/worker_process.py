"""`mig worker`: the process."""

import asyncio
from collections.abc import Sequence

import structlog
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.prefect_side.pools import INGEST, RETRIEVE, Pool, pools_of
from deployments.prefect_side.registration import Description, read_descriptions, register_at_once
from deployments.process.services import Services
from deployments.process.stopping import Stopping, stop_on_signals
from deployments.process.waking import finished_before
from deployments.worker.children import ChildPool
from deployments.worker.loop import POLL_SECONDS, WorkerLoop
from deployments.worker.run_log import cut_run_log
from deployments.worker.worker import GatewayWorker
from gateway.config import Settings
from gateway.database import ending_with_schema, open_database
from gateway.operations.condition.heartbeat import WORKER, Hearts
from gateway.operations.condition.running import told
from gateway.roles import only_one
from gateway.spool.node import Node, read_node

_SPARES = {INGEST: 2, RETRIEVE: 1}  # children that wait; each takes some 35 MB

_log = structlog.get_logger()


def serve(settings: Settings, descriptions: Sequence[Description] | None = None) -> None:
    """Work until SIGTERM.

    Raises AlreadyRunning where a worker with this name runs on this data directory, SchemaRefused where a newer program
    has upgraded the database.
    """
    cut_run_log(settings.log)
    # The loops wait for Prefect themselves: a client that did too would sleep on after Prefect is back.
    role = only_one(settings.data_dir, "worker", told(settings, "prefect"))
    with role, temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        asyncio.run(_serve(settings, read_descriptions() if descriptions is None else descriptions))


async def _serve(settings: Settings, descriptions: Sequence[Description]) -> None:
    stopping = stop_on_signals()
    node = read_node(settings.paths.spool)
    pools = pools_of(settings, node)
    workers = [_worker(pool, node, settings, descriptions) for pool in pools]
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.children.fill())
        there = await finished_before(stopping.in_order, _register(pools, descriptions))
    engine = open_database(settings.database_url)
    try:
        if there:
            # One, so that an outage is said once.
            services = Services(POLL_SECONDS, hearts=Hearts(settings.paths, WORKER))
            loops = [WorkerLoop(worker, services=services) for worker in workers]
            async with ending_with_schema(engine, stopping.in_order.set):
                await _work(loops, stopping, settings.worker.drain_seconds)
    finally:
        engine.dispose()
        for worker in workers:
            worker.children.close()
    _log.info("worker stopped")


async def _work(loops: Sequence[WorkerLoop], stopping: Stopping, drain_seconds: float) -> None:
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop.run(stopping, drain_seconds))
        for loop in loops:
            await loop.ready.wait()
        names = " ".join(loop.worker.pool_name for loop in loops)
        _log.info("worker ready", ready=True, worker=loops[0].worker.name, pools=names)


def _worker(pool: Pool, node: Node, settings: Settings, descriptions: Sequence[Description]) -> GatewayWorker:
    """The worker of one pool: in each, the node's has the same name."""
    at_once = settings.retrievals_at_once if pool.described_as == RETRIEVE else settings.runs_at_once
    entrypoints = [description.entrypoint for description in descriptions]
    return GatewayWorker(
        pool.name,
        work_queues=pool.every_queue,
        name=node.worker_name,
        limit=at_once,
        children=ChildPool(min(at_once, _SPARES[pool.described_as]), entrypoints, settings.log),
        flows=[*entrypoints, *settings.worker.other_flows],
        cancel_seconds=settings.worker.cancel_seconds,
    )


async def _register(pools: Sequence[Pool], descriptions: Sequence[Description]) -> None:
    async def once() -> None:
        await register_at_once(pools, descriptions)

    await Services(POLL_SECONDS).once(once)
