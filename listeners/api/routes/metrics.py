"""Metrics for Prometheus. What stands in the database or on the spool is read there when it is asked for.

docs/monitoring.md says what each means. No label has a value that comes from outside: of destinations only those of the
settings are named.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import accumulate
from typing import TypeVar

import structlog
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gateway.destinations.listing import DestinationState
from gateway.errors import GatewayError
from gateway.node_context import NodeContext
from gateway.operations.condition.liveness import Liveness, liveness
from gateway.operations.counted import CountedFigures, DurationFigure, ReceivedFigures, counted_figures
from gateway.operations.figures import (
    DatabaseFigures,
    ReceiverFigures,
    SpoolFigures,
    database_figures,
    receiver_figures,
    spool_figures,
)
from gateway.versions import program_version
from listeners.api.app import Routes
from listeners.api.recent import Recent

KEPT_SECONDS = 5.0

_Figures = TypeVar("_Figures")

log = structlog.get_logger(__name__)


def metrics_routes(node: NodeContext) -> Routes:
    """The route of a node."""
    router = APIRouter(tags=["health"])
    registry = CollectorRegistry()
    registry.register(NodeCollector(node))
    text = Recent(lambda: generate_latest(registry), KEPT_SECONDS)
    content = {"text/plain": {"schema": {"type": "string"}}}

    @router.get(
        "/metrics",
        summary="Metrics, for Prometheus",
        response_class=Response,
        responses={200: {"content": content, "description": "In Prometheus's text format."}},
    )
    async def metrics() -> Response:
        return Response(await text.get(), media_type=CONTENT_TYPE_LATEST)

    return Routes(router)


class NodeCollector(Collector):
    """Reads what a node has. What can't be looked at is left out, and never told as 0: `mig_looked_at` says so."""

    def __init__(self, node: NodeContext) -> None:
        self._node = node

    def describe(self) -> list[Metric]:
        """Nothing: else it would be looked at for its names."""
        return []

    def collect(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        settings = self._node.settings
        yield InfoMetricFamily("mig", "The gateway.", value={"version": program_version()})
        looked = _gauge("mig_looked_at", "1 where a part could be looked at.", "part")
        if database := _seen(lambda: (database_figures(self._node), counted_figures(self._node))):
            standing, counted = database
            yield from _of_the_database(standing, now)
            yield from _counted(counted)
        if spool := _seen(lambda: spool_figures(settings)):
            yield from _of_the_spool(spool, now)
        if receiver := receiver_figures(settings):
            yield from _of_the_receiver(receiver)
        for part, figures in (("database", database), ("spool", spool), ("receiver", receiver)):
            looked.add_metric([part], figures is not None)
        yield looked
        yield from _of_the_loops(liveness(settings.paths, now))


def _seen(look: Callable[[], _Figures]) -> _Figures | None:
    try:
        return look()
    except GatewayError as error:
        log.warning("metrics are incomplete", reason=str(error))
        return None


def _of_the_database(figures: DatabaseFigures, now: datetime) -> Iterator[Metric]:
    work = _gauge("mig_work", "Work by kind and state, but what is done for good.", "kind", "state")
    oldest = _gauge("mig_work_oldest_seconds", "How long the oldest work in a state is here.", "kind", "state")
    for each in figures.work:
        work.add_metric([each.kind, each.state], each.count)
        if each.oldest:
            oldest.add_metric([each.kind, each.state], _age(each.oldest, now))
    yield from (work, oldest)
    yield from _of_the_exports(figures, now)
    met = _gauge("mig_destination_state", "1 for the state that a destination is in.", "destination", "state")
    for name, found in figures.destinations.items():
        for state in DestinationState:
            met.add_metric([name, state], found == state)
    yield met
    yield _one("mig_events_unpublished", "Events that are decided and not published.", figures.unpublished)
    age = _age(figures.oldest_unpublished, now)
    yield _one("mig_events_unpublished_oldest_seconds", "How long the oldest of them waits; 0 without any.", age)


def _of_the_exports(figures: DatabaseFigures, now: datetime) -> Iterator[Metric]:
    text = "Exports that are not over, or failed, and miss something at a destination."
    exports = _gauge("mig_exports", text, "destination", "state")
    text = "How long the oldest of them that is not over is here."
    oldest = _gauge("mig_exports_oldest_seconds", text, "destination", "state")
    for each in figures.exports:
        exports.add_metric([each.destination, each.state], each.count)
        if each.oldest:
            oldest.add_metric([each.destination, each.state], _age(each.oldest, now))
    yield from (exports, oldest)


def _counted(figures: CountedFigures) -> Iterator[Metric]:
    if figures.received:
        yield from _received(figures.received)
    ended = CounterMetricFamily("mig_work_ended", "Work that has ended, by kind and state.", labels=["kind", "state"])
    for each in figures.ended:
        ended.add_metric([each.kind, each.state], each.count)
    yield ended
    text = "Exports that have settled, by destination and the state that they have settled in there."
    settled = CounterMetricFamily("mig_exports_settled", text, labels=["destination", "state"])
    for there in figures.settled:
        settled.add_metric([there.destination, there.state], there.count)
    yield settled
    text = "How long payloads were in each phase, from the last instance on. They are counted when they are announced."
    yield _histogram("mig_payload_phase_seconds", text, "phase", figures.phases)
    text = "How long work was here until its first run was asked for; a payload from its closing on."
    yield _histogram("mig_run_asked_seconds", text, "kind", figures.runs_asked)
    text = "How long payloads were closed until their first run began, of those that it has stored."
    yield _histogram("mig_run_began_seconds", text, "kind", figures.runs_began)


def _received(figures: ReceivedFigures) -> Iterator[Metric]:
    ended = CounterMetricFamily("mig_associations", "Associations that have ended, by how.", labels=["outcome"])
    for outcome, count in figures.ended.items():
        ended.add_metric([outcome], count)
    yield ended
    text = "Associations among them whose sender could do nothing: not let in, or in no presentation context."
    yield CounterMetricFamily("mig_associations_refused", text, value=figures.refusals)
    yield CounterMetricFamily("mig_received_bytes", "What senders have stored here.", value=figures.bytes)


def _of_the_spool(figures: SpoolFigures, now: datetime) -> Iterator[Metric]:
    yield _one("mig_payloads_ready", "Payloads that are closed and not announced.", figures.ready)
    age = _age(figures.oldest_ready, now)
    yield _one("mig_payloads_ready_oldest_seconds", "How long the oldest of them waits; 0 without any.", age)
    yield _one("mig_spool_free_bytes", "What is free on the spool's disk.", figures.space.free_bytes)
    yield _one("mig_spool_size_bytes", "The spool's disk, used and free.", figures.space.size_bytes)
    yield _one("mig_spool_kept_bytes", "Below so much senders are refused.", figures.space.kept_bytes)


def _of_the_receiver(figures: ReceiverFigures) -> Iterator[Metric]:
    yield _one("mig_associations_open", "Connections that the receiver serves.", figures.associations)
    yield _one("mig_groups_open", "Groups that still receive.", figures.open_groups)
    text = "How long senders waited for the answer to a C-STORE after its last byte, by status."
    yield _histogram("mig_store_seconds", text, "status", figures.stores)


def _of_the_loops(found: Liveness) -> Iterator[Metric]:
    turned = _gauge("mig_loop_turned_seconds", "How long ago a loop turned.", "process", "loop")
    late = _gauge("mig_loop_standing_still", "1 where a loop has not turned for too long.", "process", "loop")
    for loop in found.loops:
        turned.add_metric([loop.role, loop.loop], found.age_seconds(loop))
        late.add_metric([loop.role, loop.loop], loop.is_late(found.at))
    yield from (turned, late)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _histogram(name: str, text: str, label: str, figures: Iterable[DurationFigure]) -> HistogramMetricFamily:
    histogram = HistogramMetricFamily(name, text, labels=[label])
    for each in figures:
        bounds, counts = zip(*each.counts, strict=True)
        histogram.add_metric([each.of], list(zip(bounds, accumulate(counts), strict=True)), each.seconds)
    return histogram


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
