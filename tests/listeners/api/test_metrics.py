"""What Prometheus is told, and that everything which is asked of it is told."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.associations.record import Outcome
from gateway.associations.store import AssociationStore
from gateway.config import Settings
from gateway.destinations.circuits import Circuits
from gateway.destinations.listing import DestinationState
from gateway.destinations.registered import Destinations
from gateway.exports.lease import take
from gateway.exports.settling import give_up
from gateway.kinds import KINDS
from gateway.node_context import NodeContext
from gateway.operations.counted import WORK
from gateway.spool.node import read_node
from listeners.api.app import create_app
from listeners.api.routes.metrics import NodeCollector, metrics_routes
from tests.deployments.payloads import made_payload
from tests.gateway.associations.records import rejected, stored
from tests.gateway.receiving.scene import Scene
from tests.listeners.api.serving import serving
from tests.listeners.api.telling import STORED, ask_for_export, receiver_that_tells

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
DESTINATIONS = [{"name": "pacs", "kind": "directory", "path": "/pacs"}]

Figures = dict[tuple[str, ...], float]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data_dir": tmp_path / "var", "destinations": DESTINATIONS})


@pytest.fixture
def node(settings: Settings) -> Iterator[NodeContext]:
    with closing(NodeContext(settings)) as node:
        yield node


def told(node: NodeContext) -> Figures:
    """Each figure by its name and the values of its labels, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for metric in NodeCollector(node).collect()
        for sample in metric.samples
    }


def test_payloads_that_are_ready_are_counted_with_the_age_of_the_oldest(node: NodeContext) -> None:
    scene = Scene(node.settings.paths.spool)
    scene.associate().send()
    scene.pass_time(60)
    scene.crash()
    figures = told(node)
    assert figures["mig_payloads_ready",] == 1
    assert 0 <= figures["mig_payloads_ready_oldest_seconds",] < 60
    assert figures["mig_looked_at", "spool"] == 1
    assert figures["mig_spool_free_bytes",] > 0


def test_exports_are_counted_by_destination_and_state(node: NodeContext) -> None:
    ask_for_export(node, "pacs")
    ask_for_export(node, "pacs", "DOE^JOHN")
    figures = told(node)
    assert figures["mig_exports", "pacs", "recorded"] == 2
    assert figures["mig_exports", "(unregistered)", "recorded"] == 1
    assert figures["mig_work", "export", "recorded"] == 2
    assert figures["mig_work_oldest_seconds", "export", "recorded"] == pytest.approx(600, abs=60)
    assert not any("DOE" in label for labels in figures for label in labels)


def test_a_destination_that_is_not_tried_is_told(node: NodeContext) -> None:
    assert told(node)["mig_destination_state", "pacs", "unknown"] == 1
    for _ in range(3):
        Circuits(node.database).failed("pacs", "no such directory", datetime.now(UTC))
    figures = told(node)
    states = {state: figures["mig_destination_state", "pacs", state] for state in DestinationState}
    assert states == {"unknown": 0, "there": 0, "away": 1, "refuses": 0}


def test_what_is_counted_begins_with_0_and_only_grows(node: NodeContext) -> None:
    """Else the first refusal of a site would be no increase."""
    node_id = read_node(node.settings.paths.spool).node_id
    before = told(node)
    ended = rejected(times=3), stored(bytes=1_500_000), stored(outcome=Outcome.CUT, bytes=500_000)
    store = AssociationStore(node.database)
    store.take_in(ended, node_id)
    store.take_in([rejected()], UUID(int=8))
    store.remove_older(datetime.now(UTC) + timedelta(days=1))
    after = told(node)
    assert {key: after[key] for key in after if key[0].startswith("mig_associations_") and after[key]} == {
        ("mig_associations_total", "rejected"): 3,
        ("mig_associations_total", "released"): 1,
        ("mig_associations_total", "cut"): 1,
        ("mig_associations_refused_total",): 3,
    }
    assert after["mig_received_bytes_total",] == 2_000_000
    assert before["mig_received_bytes_total",] == before["mig_associations_total", "rejected"] == 0
    assert set(before) == set(after)


def test_an_announced_payload_is_told_phase_by_phase(node: NodeContext) -> None:
    payload = made_payload(read_node(node.settings.paths.spool).node_id)
    closed, seconds = payload.closed, timedelta(seconds=1)
    node.payloads.record(payload)
    node.payloads.work.note_run(payload.payload_id, 1, uuid4(), closed + seconds)
    node.payloads.note_announced(payload.payload_id, closed + 20 * seconds, closed + 9 * seconds, closed + 2 * seconds)
    figures = told(node)
    assert figures["mig_payload_phase_seconds_sum", "storing"] == 9
    assert figures["mig_payload_phase_seconds_sum", "announcing"] == 11
    assert figures["mig_payload_phase_seconds_bucket", "10.0", "storing"] == 1
    assert figures["mig_payload_phase_seconds_bucket", "10.0", "announcing"] == 0
    assert figures["mig_payload_phase_seconds_count", "announcing"] == 1
    assert (figures["mig_run_asked_seconds_sum", "payload"], figures["mig_run_began_seconds_sum", "payload"]) == (1, 2)
    assert figures["mig_work_ended_total", "payload", "announced"] == 1
    assert ("mig_work", "payload", "announced") not in figures, "of what only grows no rows are counted"


def test_an_export_that_settles_is_told_by_destination(node: NodeContext) -> None:
    export_id = ask_for_export(node, "pacs")
    assert told(node)["mig_exports_settled_total", "pacs", "failed"] == 0
    lease = take(node.database, export_id)
    assert lease
    give_up(lease, Destinations.of(node.settings), "nobody is there", node.now())
    figures = told(node)
    assert figures["mig_exports_settled_total", "pacs", "failed"] == 1
    assert figures["mig_work_ended_total", "export", "failed"] == 1


def test_what_can_not_be_looked_at_is_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    file.write_bytes(b"no database at all")
    settings = {"data_dir": tmp_path / "var", "database": {"url": f"sqlite:///{file}"}}
    with closing(NodeContext(Settings.model_validate(settings))) as node:
        figures = told(node)
    assert figures["mig_looked_at", "database"] == 0
    assert figures["mig_looked_at", "spool"] == 0
    assert not any(name.startswith(("mig_work", "mig_payloads")) for name, *_ in figures)


def test_an_api_that_is_apart_makes_no_spool(node: NodeContext) -> None:
    figures = told(node)
    assert not node.settings.paths.spool.exists()
    assert not any(name.startswith(("mig_associations", "mig_received", "mig_payload")) for name, *_ in figures)


def test_work_of_every_kind_is_counted() -> None:
    assert {table.kind for table in WORK} == set(KINDS)


def test_prometheus_reads_what_is_served(node: NodeContext) -> None:
    with serving(create_app(node.settings.api, [metrics_routes(node)])) as client:
        answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {metric.name for metric in text_string_to_metric_families(answer.text)}
    assert {"mig_looked_at", "mig_work", "mig_events_unpublished"} <= names


@pytest.fixture
def everything(node: NodeContext) -> set[str]:
    """The name of every metric, from a node that has all there is to tell of."""
    with receiver_that_tells(node, STORED):
        ask_for_export(node, "pacs")
        return {name for name, *_ in told(node)}


def test_c_stores_are_told_by_status_with_what_their_senders_waited(node: NodeContext) -> None:
    with receiver_that_tells(node, STORED):
        figures = told(node)
    assert figures["mig_store_seconds_count", "0000"] == 3
    assert figures["mig_store_seconds_sum", "0000"] == pytest.approx(99.007)
    assert figures["mig_store_seconds_bucket", "0.0025", "0000"] == 0
    assert figures["mig_store_seconds_bucket", "0.005", "0000"] == 2
    assert figures["mig_store_seconds_bucket", "10.0", "0000"] == 2
    assert figures["mig_store_seconds_bucket", "+Inf", "0000"] == 3
    assert figures["mig_store_seconds_count", "A700"] == 1
    assert (figures["mig_associations_open",], figures["mig_groups_open",]) == (2, 3)


def test_every_metric_is_on_the_page(everything: set[str]) -> None:
    on_the_page = set(re.findall(r"^\| `(mig_[a-z_]+)", PAGE, re.MULTILINE))
    assert on_the_page == {re.sub("_(bucket|count|sum)$", "", name) for name in everything}
