"""What alerts and dashboard ask is what the exporter tells: by name, label, value and kind."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.node_context import NodeContext
from tests.deployments.monitoring.expressions import ALERTS, DASHBOARD, Exported, asked, exported, problems, scraped
from tests.listeners.api.telling import STORED, ask_for_export, receiver_that_tells

DESTINATIONS = [{"name": "pacs", "kind": "directory", "path": "/pacs"}]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Exported]]:
    """What a node exports that has all there is to tell of."""
    settings = {"data_dir": tmp_path_factory.mktemp("node") / "var", "destinations": DESTINATIONS}
    with closing(NodeContext(Settings.model_validate(settings))) as node, receiver_that_tells(node, STORED):
        ask_for_export(node, "pacs")
        yield exported(scraped(node))


@pytest.mark.parametrize(
    ("file", "expression"), [pytest.param(file, each, id=each) for file in (ALERTS, DASHBOARD) for each in asked(file)]
)
def test_what_is_asked_is_told(file: Path, expression: str, known: dict[str, Exported]) -> None:
    assert problems(expression, known) == [], file.name


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("rate(mig_work[5m)", "expected"),
        ("mig_works", "mig_works is not exported"),
        ("rate(mig_work[5m])", "mig_work is a gauge: it has no rate"),
        ("mig_work_ended_total > 3", "mig_work_ended_total is a counter: its rate is meant"),
        ("max_over_time(mig_work_ended_total[5m])", "mig_work_ended_total is a counter: its rate is meant"),
        ('mig_work{sort="export"}', "sort is no label of mig_work"),
        ('mig_work{kind="exports"}', "kind of mig_work is never exports"),
        ('mig_looked_at{part=~"disk|tape"}', "part of mig_looked_at is never disk|tape"),
        ("sum by (destination) (mig_work)", "destination is no label of it"),
        ("histogram_quantile(0.9, sum by (le) (mig_work))", "a quantile is that of buckets"),
        (
            "histogram_quantile(0.9, sum by (kind) (rate(mig_run_began_seconds_bucket[5m])))",
            "a quantile needs the buckets by le",
        ),
    ],
)
def test_what_would_have_no_answer_is_found(expression: str, problem: str, known: dict[str, Exported]) -> None:
    assert problem in " ".join(problems(expression, known))
