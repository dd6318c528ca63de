"""What the dispatcher does for exports, again and again."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path

from deployments.dispatcher.current_destinations import CurrentDestinations
from deployments.dispatcher.deployment_runs import DeploymentRuns
from deployments.dispatcher.destination_watch import DestinationWatch
from deployments.dispatcher.event_publisher import OutboxPublisher
from deployments.dispatcher.export_wishes import ExportWishes
from deployments.dispatcher.exports import ExportDispatcher
from deployments.dispatcher.watch import wake_on_change
from deployments.prefect_side.pools import DEFAULT_QUEUE
from deployments.process.services import Services
from gateway.bell import bell_directory
from gateway.config import LocalStoreSettings, Settings
from gateway.destinations.circuits import Circuits
from gateway.destinations.registered import Destinations
from gateway.events.outbox import Outbox
from gateway.exports.ledger import ExportLedger
from gateway.spool.node import Node

DEPLOYMENT = "export/export"

LOOK_SECONDS = 0.5  # other nodes' doors record as well: the database is the only bell that all hear
WATCH_SECONDS = 2.0
RECONCILE_SECONDS = 5.0


@dataclass
class ExportServices:
    """All that is done for the exports of a ledger."""

    exports: ExportDispatcher
    wishes: ExportWishes
    watch: DestinationWatch
    publisher: OutboxPublisher
    bells: Path

    @classmethod
    def of(cls, settings: Settings, node: Node, ledger: ExportLedger, runs: DeploymentRuns) -> "ExportServices":
        circuits, current = Circuits(ledger.engine), CurrentDestinations(Destinations.of(settings))
        exports = ExportDispatcher(ledger, runs, current, _work_queue(settings, node))
        return cls(
            exports,
            ExportWishes(runs.client, exports, circuits),
            DestinationWatch(runs.client, exports, circuits, settings.scu.ae_title),
            OutboxPublisher(Outbox(ledger.engine)),
            bell_directory(settings, "exports"),
        )

    def coroutines(self, services: Services) -> list[Coroutine[None, None, None]]:
        self.bells.mkdir(parents=True, exist_ok=True)
        wake = asyncio.Event()
        return [
            wake_on_change(self.bells, wake),
            services.repeat(self.exports.look, LOOK_SECONDS, wake),
            services.repeat(self.exports.reconcile, RECONCILE_SECONDS),
            services.repeat(self.wishes.look, LOOK_SECONDS),
            services.repeat(self.watch.probe, WATCH_SECONDS),
            services.repeat(self.watch.release, WATCH_SECONDS),
            services.repeat(self.publisher.look, LOOK_SECONDS),
        ]


def _work_queue(settings: Settings, node: Node) -> str:
    """Any node's worker can carry an export out, unless ledger or objects lie on this one."""
    is_local = settings.has_local_database or isinstance(settings.object_store, LocalStoreSettings)
    return node.work_queue if is_local else DEFAULT_QUEUE
