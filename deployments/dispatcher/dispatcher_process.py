"""`mig dispatch`: the process."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from deployments.dispatcher.associations import KeptAssociations
from deployments.dispatcher.destination_probes import DestinationProbes
from deployments.dispatcher.engine import Dispatched, Engine
from deployments.dispatcher.event_publisher import OutboxPublisher
from deployments.dispatcher.leftovers import Leftovers
from deployments.dispatcher.lost_workers import LOOK_SECONDS, LostWorkers
from deployments.dispatcher.operator_commands import OperatorCommands
from deployments.dispatcher.probes import PROBES, Probes
from deployments.dispatcher.registering import Registering
from deployments.dispatcher.release import Release
from deployments.dispatcher.trial import Trial
from deployments.dispatcher.watch import wake_on_change
from deployments.prefect_side.pools import ingest_pool, retrieve_pool
from deployments.process.services import Services, refusal_alone
from deployments.process.stopping import cancel_all, stop_on_signals
from gateway.associations.journal import Journal
from gateway.associations.store import AssociationStore
from gateway.config import Settings
from gateway.events.outbox import Outbox
from gateway.kinds import KINDS
from gateway.node_context import NodeContext
from gateway.operations.condition.heartbeat import DISPATCHER, RECEIVER, Hearts, holder_of_role
from gateway.operations.condition.running import told
from gateway.roles import only_one
from gateway.runs.api import PrefectApi
from gateway.runs.deployment import DeploymentRuns
from gateway.work.commands import Commands

if TYPE_CHECKING:
    from deployments.prefect_side.registration import Description

LOOK_SECONDS_AT_MOST = 0.5  # listeners of other nodes record as well: the database wakes nobody up
RECONCILE_SECONDS = 5.0
RELEASE_SECONDS = 2.0
WITHOUT_ROW_SECONDS = 10.0
LEFTOVERS_SECONDS = 300.0
ASSOCIATIONS_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 10.0

_log = structlog.get_logger()


def serve(
    settings: Settings,
    descriptions: "Sequence[Description] | None" = None,
    deployments: Mapping[str, str] | None = None,
    probes: Probes = PROBES,
) -> None:
    """Dispatch until SIGTERM. `deployments` names other ones than those of the kinds, by kind.

    A deployment that Prefect does not know when a run of it is needed is registered as `descriptions` have it.

    Raises AlreadyRunning where a dispatcher runs on this data directory, DatabaseRefused where the database does not
    let it work.
    """
    role = only_one(settings.data_dir, "dispatch", told(settings, "prefect"))
    with role, refusal_alone():
        asyncio.run(_serve(NodeContext(settings), descriptions, deployments or {}, probes))


async def _serve(
    node: NodeContext,
    descriptions: "Sequence[Description] | None",
    deployments: Mapping[str, str],
    probes: Probes,
) -> None:
    stopping = stop_on_signals()
    async with AsyncExitStack() as stack:
        stack.callback(node.close)
        api = await stack.enter_async_context(PrefectApi(node.settings.prefect_api_url))
        group = await stack.enter_async_context(asyncio.TaskGroup())

        registering = Registering(node, descriptions)
        kinds = {name: make(node) for name, make in KINDS.items()}
        engine = Engine(
            {
                name: Dispatched(kind, DeploymentRuns(api, deployments.get(name, kind.deployment), registering))
                for name, kind in kinds.items()
            }
        )
        services = Services(LONGEST_RETRY_SECONDS, hearts=Hearts(node.settings.paths, DISPATCHER))

        async def work() -> None:
            async with asyncio.TaskGroup() as steps:
                for step in _of_the_engine(services, node, api, engine, probes):
                    steps.create_task(step)
                for step in _of_the_node(services, node, api):
                    steps.create_task(step)

        task = group.create_task(work())
        _log.info("dispatcher ready", ready=True, spool=str(node.received.root))
        await stopping.in_order.wait()
        await cancel_all([task])
    _log.info("dispatcher stopped")


def _of_the_engine(
    services: Services,
    node: NodeContext,
    api: PrefectApi,
    engine: Engine,
    probes: Probes,
) -> list[Coroutine[None, None, None]]:
    """What is done for work of every kind. What is recorded on this node wakes the look at once."""
    trial = Trial(Outbox(node.database), probes.publisher)
    release = Release(api, engine, node.database, probes.parts, node.circuits, trial)
    commands = OperatorCommands(api, engine, Commands(node.database), node.node_id)
    wake, wake_for_commands = asyncio.Event(), asyncio.Event()
    wake_ups = node.settings.paths.wake_ups
    for directory in (wake_ups, node.received.ready):
        directory.mkdir(parents=True, exist_ok=True)
    return [
        wake_on_change(node.received.ready, wake),
        wake_on_change(wake_ups, wake, wake_for_commands),
        services.repeat(engine.look, LOOK_SECONDS_AT_MOST, wake),
        services.repeat(engine.reconcile, RECONCILE_SECONDS),
        services.repeat(commands.look, LOOK_SECONDS_AT_MOST, wake_for_commands),
        services.repeat(release.look, RELEASE_SECONDS),
        services.repeat(release.look_for_those_without_a_row, WITHOUT_ROW_SECONDS),
    ]


def _of_the_node(services: Services, node: NodeContext, api: PrefectApi) -> list[Coroutine[None, None, None]]:
    """What is done beside: probes, events that are decided, and what nobody needs any more."""
    settings = node.settings
    outbox = Outbox(node.database)
    keep_failed = timedelta(days=settings.inference.keep_failed_days)
    leftovers = Leftovers(node.retrieved, node.requests, outbox, keep_failed)
    pools = (ingest_pool(settings, node.identity), retrieve_pool(settings))
    associations, associations_came = kept_associations(node), asyncio.Event()
    associations.journal.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    return [
        wake_on_change(associations.journal.directory, associations_came),
        services.repeat(associations.take, ASSOCIATIONS_SECONDS, associations_came),
        services.repeat(associations.remove_old, LEFTOVERS_SECONDS),
        services.repeat(DestinationProbes(node.circuits, node.current_destinations).look, RELEASE_SECONDS),
        services.repeat(OutboxPublisher(outbox).look, LOOK_SECONDS_AT_MOST),
        services.repeat(leftovers.look, LEFTOVERS_SECONDS),
        *(services.repeat(LostWorkers(api, pool.name, pool.every_queue).look, LOOK_SECONDS) for pool in pools),
    ]


def kept_associations(node: NodeContext) -> KeptAssociations:
    """What is kept of the associations of this node."""
    paths, keep = node.settings.paths, timedelta(days=node.settings.associations.keep_days)
    journal, store = Journal(paths.associations), AssociationStore(node.database)
    return KeptAssociations(journal, store, node.node_id, keep, lambda: holder_of_role(paths, RECEIVER) is not None)
