"""What can befall a node, and which alerts are for that."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from gateway.associations.record import AssociationRecord, Outcome
from gateway.associations.store import AssociationStore
from gateway.destinations.registered import Destinations
from gateway.exports.lease import take
from gateway.exports.settling import give_up
from gateway.node_context import NodeContext
from gateway.spool.area import scp_area
from gateway.spool.node import read_node
from tests.deployments.payloads import made_payload, put_into_ready
from tests.gateway.associations.records import rejected, stored
from tests.gateway.inference.store_scene import Requests
from tests.listeners.api.telling import ANSWERS, STORED, ask_for_export, beat, receiver_that_tells, store_times

HOUR = timedelta(hours=1)


def nothing(_node: NodeContext) -> None:
    """All goes on as it was."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What happens each minute, on a node with these settings."""

    happens: Callable[[NodeContext], None]
    alerts: frozenset[str]
    settings: Callable[[Path], Mapping[str, Any]] = lambda _: {}
    receives: bool = True

    @contextmanager
    def receiver(self, node: NodeContext) -> Iterator[None]:
        """One that receives meanwhile, or has received before."""
        with receiver_that_tells(node, STORED):
            if self.receives:
                yield
        if not self.receives:
            yield


def node_id(node: NodeContext) -> UUID:
    return read_node(node.settings.paths.spool).node_id


def come(*records: AssociationRecord) -> Callable[[NodeContext], None]:
    return lambda node: AssociationStore(node.database).take_in(records, node_id(node))


def announced(began: timedelta) -> Callable[[NodeContext], None]:
    """A payload whose run has begun so late."""

    def happens(node: NodeContext) -> None:
        payload, second = made_payload(node_id(node)), timedelta(seconds=1)
        node.payloads.record(payload)
        node.payloads.work.note_run(payload.payload_id, 1, uuid4(), payload.closed + second)
        closed = payload.closed + began
        node.payloads.note_announced(payload.payload_id, closed + 2 * second, closed + second, closed)

    return happens


def a_day_of_a_site(node: NodeContext) -> None:
    """Everything happens, and all of it is well."""
    come(stored())(node)
    announced(timedelta(seconds=1))(node)
    ask_for_export(node, "pacs")
    beat(node, store_times(*ANSWERS, (0x0000, 0.003)))


def no_room(node: NodeContext) -> None:
    """One more instance is refused."""
    beat(node, store_times(*ANSWERS, (0xA700, 0.002)))


def loop_stands_still(node: NodeContext) -> None:
    for file in node.settings.paths.beats.iterdir():
        _age(file, HOUR)


def payload_waits(node: NodeContext) -> None:
    area = scp_area(node.settings.paths.spool)
    _age(area.ready / f"{put_into_ready(area, made_payload(node_id(node)))}.json", HOUR)


def export_waits(node: NodeContext) -> None:
    ask_for_export(node, "pacs", ago=2 * HOUR)


def export_fails(ago: timedelta) -> Callable[[NodeContext], None]:
    def happens(node: NodeContext) -> None:
        lease = take(node.database, ask_for_export(node, "pacs"))
        assert lease
        give_up(lease, Destinations.of(node.settings), "nobody is there", node.now() - ago)

    return happens


def request_fails(node: NodeContext) -> None:
    requests = Requests(node.requests)
    requests.take(requests.accept()).fail("the archive has no such study", node.now())


def destination_is_away(node: NodeContext) -> None:
    for _ in range(3):
        node.circuits.failed("pacs", "no such directory", datetime.now(UTC))


def _age(file: Path, age: timedelta) -> None:
    then = file.stat().st_mtime - age.total_seconds()
    os.utime(file, (then, then))


def _nearly_full(directory: Path) -> dict[str, Any]:
    return {"spool": {"reserve_bytes": int(shutil.disk_usage(directory).free * 0.75)}}


def _no_database(directory: Path) -> dict[str, Any]:
    file = directory / "none.db"
    file.write_bytes(b"no database at all")
    return {"database": {"url": f"sqlite:///{file}"}}


SITUATIONS = {
    "nothing happens": Situation(nothing, frozenset()),
    "a day": Situation(a_day_of_a_site, frozenset()),
    "no receiver": Situation(nothing, frozenset({"GatewayReceiverAway"}), receives=False),
    "a loop stands still": Situation(loop_stands_still, frozenset({"GatewayLoopStandsStill"})),
    "the disk is full": Situation(
        nothing,
        frozenset({"GatewaySpoolFull", "GatewaySpoolNearlyFull"}),
        lambda directory: {"spool": {"reserve_bytes": shutil.disk_usage(directory).total * 2}},
    ),
    "the disk is nearly full": Situation(nothing, frozenset({"GatewaySpoolNearlyFull"}), _nearly_full),
    "instances are refused": Situation(no_room, frozenset({"GatewayInstancesRefused"})),
    "senders are refused": Situation(come(rejected()), frozenset({"GatewaySendersRefused"})),
    "senders break off": Situation(come(stored(outcome=Outcome.CUT)), frozenset({"GatewaySendersBreakOff"})),
    "no database": Situation(nothing, frozenset({"GatewayNotLookedAt"}), _no_database),
    "a payload waits": Situation(payload_waits, frozenset({"GatewayPayloadsWait"})),
    "runs start late": Situation(announced(timedelta(minutes=1)), frozenset({"GatewayRunsStartLate"})),
    "no broker": Situation(export_fails(HOUR), frozenset({"GatewayEventsUnpublished", "GatewayExportsFailed"})),
    "a destination is away": Situation(destination_is_away, frozenset({"GatewayDestinationAway"})),
    "a destination refuses": Situation(
        lambda node: node.circuits.refused("pacs", "not registered there", datetime.now(UTC)),
        frozenset({"GatewayDestinationRefuses"}),
    ),
    "an export waits": Situation(export_waits, frozenset({"GatewayExportsWait"})),
    "an export fails": Situation(export_fails(timedelta()), frozenset({"GatewayExportsFailed"})),
    "a request fails": Situation(request_fails, frozenset({"GatewayRequestsFailed"})),
}
