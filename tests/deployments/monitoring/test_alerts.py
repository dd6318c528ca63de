"""An alert fires in what it is for, on what the exporter tells then, and in nothing else."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import Settings
from gateway.node_context import NodeContext
from tests.deployments.monitoring.expressions import ALERTS, DASHBOARD, asked, scraped, series
from tests.deployments.monitoring.situations import SITUATIONS, Situation
from tests.peers.promtool import Promtool, Series

PAGE = (ALERTS.parents[2] / "docs" / "monitoring.md").read_text("utf-8")
RULES = {
    rule["alert"]: rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
}
DESTINATIONS = [{"name": "pacs", "kind": "directory", "path": "/pacs"}]

FIRING = 'max by (alertname) (ALERTS{alertstate="firing"})'


@contextmanager
def hour_of(situation: Situation, directory: Path) -> Iterator[list[Series]]:
    """What Prometheus has scraped."""
    settings = {"data_dir": directory / "var", "destinations": DESTINATIONS, **situation.settings(directory)}
    with closing(NodeContext(Settings.model_validate(settings))) as node, situation.receiver(node):
        before = scraped(node)
        situation.happens(node)
        yield series(before, node)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_has_to_be_seen_to_is_told_and_nothing_else(name: str, tmp_path: Path, promtool: Promtool) -> None:
    with hour_of(SITUATIONS[name], tmp_path) as scraped_series:
        firing = [f'{{alertname="{alert}"}}' for alert in sorted(SITUATIONS[name].alerts)]
        assert promtool.ask(scraped_series, {FIRING: firing} | texts_of(SITUATIONS[name]), ALERTS) == ""


def texts_of(situation: Situation) -> dict[str, list[str]]:
    """Ask whether an alert has each label that its texts name."""
    found = {}
    for alert in situation.alerts:
        named = sorted(set(re.findall(r"\$labels\.(\w+)", str(RULES[alert]["annotations"]))))
        has = ",".join([f'alertname="{alert}"', 'alertstate="firing"', *(f'{each}!=""' for each in named)])
        found[f"max by (alertname) (ALERTS{{{has}}})"] = [f'{{alertname="{alert}"}}']
    return found


def test_a_node_that_does_not_answer_is_told(tmp_path: Path, promtool: Promtool) -> None:
    with hour_of(SITUATIONS["nothing happens"], tmp_path) as scraped_series:
        away = [replace(each, begins=0.0) for each in scraped_series if each.name == "up"]
        assert promtool.ask(away, {FIRING: ['{alertname="GatewayApiAway"}']}, ALERTS) == ""


def test_every_alert_has_something_that_it_is_for() -> None:
    met = {alert for situation in SITUATIONS.values() for alert in situation.alerts}
    assert met | {"GatewayApiAway"} == set(RULES)


def test_prometheus_takes_the_rules(promtool: Promtool) -> None:
    assert promtool.check(ALERTS) == ""


def test_every_panel_shows_something(tmp_path: Path, promtool: Promtool) -> None:
    """Numbers, where all that a site does happens."""
    with hour_of(SITUATIONS["a day"], tmp_path) as scraped_series:
        questions = {f"count(({each}) >= -Inf) > bool 0": ["{}"] for each in asked(DASHBOARD)}
        assert promtool.ask(scraped_series, questions) == ""


def test_what_does_not_answer_as_it_should_is_found(tmp_path: Path, promtool: Promtool) -> None:
    """The means of all above can fail."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("groups: [{name: g, rules: [{alert: A, expr: 'rate(x)'}]}]")
    assert "instant vector" in promtool.check(wrong)
    assert "exp:" in promtool.ask([Series("x", {}, 1.0)], {"count(y) > bool 0": ["{}"]})


@pytest.mark.parametrize("alert", RULES)
def test_every_alert_says_what_to_do(alert: str) -> None:
    rule: dict[str, Any] = RULES[alert]
    assert {"alert", "expr", "for", "labels", "annotations"} <= set(rule)
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert f"`{alert}`" in PAGE
