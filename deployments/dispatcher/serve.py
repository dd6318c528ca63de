"""`mig dispatch`: the process."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.dispatcher import export_services, left_areas
from deployments.dispatcher.deployment_runs import DeploymentRuns
from deployments.dispatcher.dispatch import Dispatcher
from deployments.dispatcher.export_services import ExportServices
from deployments.dispatcher.left_areas import LeftAreas
from deployments.dispatcher.lost_workers import LOOK_SECONDS, LostWorkers
from deployments.dispatcher.probes import PROBES
from deployments.dispatcher.release import Probe, Release
from deployments.dispatcher.requests import RequestDispatcher
from deployments.dispatcher.source_probes import source_peers
from deployments.dispatcher.watch import wake_on_change
from deployments.prefect_side.pools import Pool, ingest_pool, pools_of, retrieve_pool
from deployments.prefect_side.prefect_api import prefect_client
from deployments.prefect_side.registration import Description, read_descriptions, register
from deployments.process.process_lock import only_one
from deployments.process.services import Services, refusal_alone
from deployments.process.stopping import cancel_all, stop_on_signals
from gateway.bell import bell_directory
from gateway.config import Settings
from gateway.database import open_database
from gateway.disk.durable import Durability
from gateway.errors import Dependency
from gateway.exports.ledger import ExportLedger
from gateway.inference.store import RequestStore
from gateway.payloads.index import PayloadIndex
from gateway.retrieval.areas import areas_of
from gateway.spool.door import Door, scp_door
from gateway.spool.node import read_node

RESCAN_SECONDS = 2.0  # the net below the watch
RECONCILE_SECONDS = 10.0
RELEASE_SECONDS = 2.0
ERASE_SECONDS = 300.0
LONGEST_RETRY_SECONDS = 10.0
DEPLOYMENT = "ingest/ingest"
RETRIEVE_DEPLOYMENT = "retrieve/retrieve"

_log = structlog.get_logger()


def serve(
    settings: Settings,
    descriptions: Sequence[Description] | None = None,
    deployment: str = DEPLOYMENT,
    probes: Mapping[Dependency, Probe] = PROBES,
) -> None:
    """Dispatch until SIGTERM.

    Raises AlreadyRunning where a dispatcher runs on this data directory, DatabaseRefused where the database does not
    let it work.
    """
    described = read_descriptions() if descriptions is None else descriptions
    # The services wait for Prefect themselves: a client that did too would sleep on after Prefect is back.
    impatient = temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0})
    with only_one(settings.data_dir, "dispatch"), impatient, refusal_alone():
        asyncio.run(_serve(settings, described, deployment, probes))


async def _serve(
    settings: Settings, described: Sequence[Description], deployment: str, probes: Mapping[Dependency, Probe]
) -> None:
    stopping = stop_on_signals()
    node = read_node(settings.data_dir / "spool")
    engine = open_database(settings.database_url)
    index, ledger, store = PayloadIndex(engine), ExportLedger(engine), RequestStore(engine)
    async with AsyncExitStack() as stack:
        stack.callback(index.close)
        client = await stack.enter_async_context(prefect_client())
        group = await stack.enter_async_context(asyncio.TaskGroup())

        async def apply_descriptions() -> None:
            await register(client, pools_of(settings, node), described)

        def runs_of(name: str) -> DeploymentRuns:
            return DeploymentRuns(client, name, apply_descriptions)

        dispatcher = Dispatcher(_door(settings), node, index, runs_of(deployment))
        requests = RequestDispatcher(store, runs_of(RETRIEVE_DEPLOYMENT), _keep_failed(settings))
        exports = ExportServices.of(settings, node, ledger, runs_of(export_services.DEPLOYMENT))
        services = Services(LONGEST_RETRY_SECONDS)
        ingest, retrieve = ingest_pool(settings, node), retrieve_pool(settings)
        peers = {Dependency.SOURCE: source_peers(store)}
        release = Release(client, ingest.every_queue, probes, work_pool=ingest.name)
        release_requests = Release(client, retrieve.every_queue, probes, work_pool=retrieve.name, peers=peers)
        steps = [
            *_of_payloads(services, dispatcher),
            *_of_requests(services, requests, settings),
            *exports.coroutines(services),
            *_of_runs(services, ingest, release, lambda: dispatcher.has_work or exports.exports.has_work),
            *_of_runs(services, retrieve, release_requests, lambda: requests.has_work),
        ]
        tasks = [group.create_task(step) for step in steps]
        _log.info("dispatcher ready", ready=True, spool=str(dispatcher.door.root))
        await stopping.in_order.wait()
        await cancel_all(tasks)
    _log.info("dispatcher stopped")


def _of_runs(
    services: Services, pool: Pool, release: Release, has_work: Callable[[], bool]
) -> list[Coroutine[None, None, None]]:
    """What is done for every run of a pool, whatever it carries out. Waiting ones are looked for while there is any."""

    async def release_if_any() -> bool:
        return has_work() and await release.look()

    return [
        services.repeat(release_if_any, RELEASE_SECONDS),
        services.repeat(LostWorkers(release.client, pool.name, pool.every_queue).look, LOOK_SECONDS),
    ]


def _of_payloads(services: Services, dispatcher: Dispatcher) -> list[Coroutine[None, None, None]]:
    """What is done for the payloads on this node's spool."""
    wake = asyncio.Event()
    return [
        services.once(dispatcher.runs.register),
        wake_on_change(dispatcher.door.ready, wake),
        services.repeat(dispatcher.look, RESCAN_SECONDS, wake),
        services.repeat(dispatcher.reconcile, RECONCILE_SECONDS),
    ]


def _of_requests(
    services: Services, requests: RequestDispatcher, settings: Settings
) -> list[Coroutine[None, None, None]]:
    """What is done for inference requests, here and at the other nodes."""
    left = LeftAreas(areas_of(settings), requests.store, _keep_failed(settings))
    wake, bells = asyncio.Event(), bell_directory(settings, "inference")
    bells.mkdir(parents=True, exist_ok=True)
    return [
        wake_on_change(bells, wake),
        services.repeat(requests.look, RESCAN_SECONDS, wake),
        services.repeat(requests.reconcile, RECONCILE_SECONDS),
        services.repeat(requests.erase_expired, ERASE_SECONDS),
        services.repeat(left.look, left_areas.LOOK_SECONDS),
    ]


def _keep_failed(settings: Settings) -> timedelta:
    return timedelta(days=settings.inference.keep_failed_days)


def _door(settings: Settings) -> Door:
    door = scp_door(settings.data_dir / "spool", Durability(settings.spool.durability))
    door.ready.mkdir(parents=True, exist_ok=True)
    return door
