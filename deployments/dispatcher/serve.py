"""`mig dispatch`: the process."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack

import structlog
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.dispatcher import export_services
from deployments.dispatcher.deployment_runs import DeploymentRuns
from deployments.dispatcher.dispatch import Dispatcher
from deployments.dispatcher.export_services import ExportServices
from deployments.dispatcher.lost_workers import LOOK_SECONDS, LostWorkers
from deployments.dispatcher.probes import PROBES
from deployments.dispatcher.release import Probe, Release
from deployments.dispatcher.watch import wake_on_change
from deployments.prefect_api import DEFAULT_QUEUE, prefect_client
from deployments.process_lock import only_one
from deployments.registration import Description, read_descriptions, register
from deployments.services import Services
from deployments.stopping import stop_on_signals
from gateway.config import Settings
from gateway.database import open_database
from gateway.errors import Dependency
from gateway.exports.ledger import ExportLedger
from gateway.payload_index import PayloadIndex
from gateway.spool.door import Door, scp_door
from gateway.spool.durable import Durability
from gateway.spool.node import read_node

RESCAN_SECONDS = 2.0  # the net below the watch
RECONCILE_SECONDS = 10.0
RELEASE_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 10.0
DEPLOYMENT = "ingest/ingest"

_log = structlog.get_logger()


def serve(
    settings: Settings,
    descriptions: Sequence[Description] | None = None,
    deployment: str = DEPLOYMENT,
    probes: Mapping[Dependency, Probe] = PROBES,
) -> None:
    """Dispatch until SIGTERM. Raises AlreadyRunning where a dispatcher runs on this data directory."""
    described = read_descriptions() if descriptions is None else descriptions
    # The services wait for Prefect themselves: a client that did too would sleep on after Prefect is back.
    with only_one(settings.data_dir, "dispatch"), temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        asyncio.run(_serve(settings, described, deployment, probes))


async def _serve(
    settings: Settings, described: Sequence[Description], deployment: str, probes: Mapping[Dependency, Probe]
) -> None:
    stopping = stop_on_signals()
    node = read_node(settings.data_dir / "spool")
    engine = open_database(settings.database_url)
    index, ledger = PayloadIndex(engine), ExportLedger(engine)
    async with AsyncExitStack() as stack:
        stack.callback(index.close)
        client = await stack.enter_async_context(prefect_client())
        group = await stack.enter_async_context(asyncio.TaskGroup())

        async def apply_descriptions() -> None:
            await register(client, settings.prefect.work_pool, [node.work_queue], described)

        runs = DeploymentRuns(client, deployment, apply_descriptions)
        export_runs = DeploymentRuns(client, export_services.DEPLOYMENT, apply_descriptions)
        exports = ExportServices.of(settings, node, ledger, export_runs)
        dispatcher = Dispatcher(_door(settings), node, index, runs)
        release = Release(client, [node.work_queue, DEFAULT_QUEUE], probes)
        lost = LostWorkers(client, settings.prefect.work_pool, [node.work_queue, DEFAULT_QUEUE])
        tasks = [group.create_task(service) for service in _services(dispatcher, release, lost, exports)]
        _log.info("dispatcher ready", ready=True, spool=str(dispatcher.door.root))
        await stopping.in_order.wait()
        for task in tasks:
            task.cancel()
    _log.info("dispatcher stopped")


def _services(
    dispatcher: Dispatcher, release: Release, lost: LostWorkers, exports: ExportServices
) -> list[Coroutine[None, None, None]]:
    async def release_if_any() -> bool:
        return (dispatcher.has_work or exports.exports.has_work) and await release.look()

    wake = asyncio.Event()
    services = Services(LONGEST_RETRY_SECONDS)
    return [
        services.once(dispatcher.runs.register),
        wake_on_change(dispatcher.door.ready, wake),
        services.repeat(dispatcher.look, RESCAN_SECONDS, wake),
        services.repeat(dispatcher.reconcile, RECONCILE_SECONDS),
        services.repeat(release_if_any, RELEASE_SECONDS),
        services.repeat(lost.look, LOOK_SECONDS),
        *exports.coroutines(services),
    ]


def _door(settings: Settings) -> Door:
    door = scp_door(settings.data_dir / "spool", Durability(settings.spool.durability))
    door.ready.mkdir(parents=True, exist_ok=True)
    return door
