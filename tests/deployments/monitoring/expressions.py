"""What Prometheus is asked, read as Prometheus reads it, and held against what the exporter tells."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.node_context import NodeContext
from listeners.api.routes.metrics import NodeCollector
from tests.peers.promtool import Series

MONITORING = Path(__file__).parents[3] / "deployments" / "monitoring"
ALERTS, DASHBOARD = MONITORING / "alerts.yml", MONITORING / "dashboard.json"

OF_THE_SCRAPE = {"job": "informatics-gateway", "instance": "gateway:5000"}
"""What Prometheus adds to each series, by the `scrape_configs` of docs/monitoring.md."""

_RATES = frozenset({"rate", "irate", "increase", "resets"})


@dataclass(frozen=True, slots=True)
class Exported:
    """The samples of one name: what they count as, and the labels that each has."""

    kind: str  # of its family
    labels: Sequence[Mapping[str, str]]

    @property
    def only_grows(self) -> bool:
        return self.kind in {"counter", "histogram"}

    @property
    def names(self) -> set[str]:
        return {name for labels in self.labels for name in labels}

    def has(self, matcher: promql.Matcher) -> bool:
        """Whether what a label has to be is what it ever is."""
        values = {labels.get(matcher.name, "") for labels in self.labels}
        if matcher.op == promql.MatchOp.Re:
            return any(re.fullmatch(matcher.value, value) for value in values)
        return matcher.op != promql.MatchOp.Equal or matcher.value in values


def scraped(node: NodeContext) -> dict[tuple[str, str], tuple[str, float]]:
    """What the exporter tells now: the kind and the value of each sample, by its name and its labels as JSON."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(node))
    found = {("up", json.dumps(OF_THE_SCRAPE)): ("gauge", 1.0)}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found[sample.name, json.dumps(sample.labels | OF_THE_SCRAPE)] = (family.type, sample.value)
    return found


def exported(samples: Mapping[tuple[str, str], tuple[str, float]]) -> dict[str, Exported]:
    """The same by name."""
    kinds = {name: kind for (name, _), (kind, _) in samples.items()}
    return {
        name: Exported(kind, [json.loads(labels) for found, labels in samples if found == name])
        for name, kind in kinds.items()
    }


def series(before: Mapping[tuple[str, str], tuple[str, float]], node: NodeContext) -> list[Series]:
    """An hour in which what has happened since `before` happens each minute."""
    found = []
    for key, (kind, value) in scraped(node).items():
        begins = before.get(key, (kind, 0.0))[1] if kind in {"counter", "histogram"} else value
        found.append(Series(key[0], json.loads(key[1]), begins, value - begins))
    return found


def asked(file: Path) -> list[str]:
    """Every expression of a file, the dashboard's with all nodes chosen."""
    return [each.replace("$instance", ".*") for each in _expressions(yaml.safe_load(file.read_text("utf-8")))]


def problems(expression: str, known: Mapping[str, Exported]) -> list[str]:
    """Say what is wrong with an expression: it would have no answer, or one that means nothing."""
    try:
        parsed = promql.parse(expression)
    except ValueError as error:
        return [str(error)]
    return list(_of(parsed, known, within=""))


def _of(node: promql.Expr, known: Mapping[str, Exported], within: str) -> Iterator[str]:
    """`within` is the function that the node is given to."""
    if isinstance(node, promql.MatrixSelector):
        yield from _of_the_selector(node.vector_selector, known, within)
    elif isinstance(node, promql.VectorSelector):
        yield from _of_the_selector(node, known, within="")
    if isinstance(node, promql.AggregateExpr) and node.modifier:
        there = {name for each in _selectors(node) for name in known.get(each.name or "", Exported("", [])).names}
        yield from (f"{label} is no label of it" for label in set(node.modifier.labels) - there)
    if isinstance(node, promql.Call) and node.func.name == "histogram_quantile":
        yield from _of_the_quantile(node)
    for each in _below(node):
        yield from _of(each, known, node.func.name if isinstance(node, promql.Call) else "")


def _of_the_selector(node: promql.VectorSelector, known: Mapping[str, Exported], within: str) -> Iterator[str]:
    there = known.get(node.name or "")
    if there is None:
        yield f"{node.name} is not exported"
        return
    if there.only_grows is not (within in _RATES):
        yield f"{node.name} is a {there.kind}: " + ("its rate is meant" if there.only_grows else "it has no rate")
    for matcher in node.matchers.matchers:
        if matcher.name not in there.names:
            yield f"{matcher.name} is no label of {node.name}"
        elif not there.has(matcher):
            yield f"{matcher.name} of {node.name} is never {matcher.value}"


def _of_the_quantile(node: promql.Call) -> Iterator[str]:
    of = node.args[1]
    if not all((each.name or "").endswith("_bucket") for each in _selectors(of)):
        yield "a quantile is that of buckets"
    if isinstance(of, promql.AggregateExpr) and "le" not in (of.modifier.labels if of.modifier else []):
        yield "a quantile needs the buckets by le"


def _selectors(node: promql.Expr) -> list[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def note(each: promql.Expr) -> None:
        if isinstance(each, promql.MatrixSelector):
            found.append(each.vector_selector)
        elif isinstance(each, promql.VectorSelector):
            found.append(each)

    promql.walk(node, note)
    return found


def _below(node: promql.Expr) -> Iterator[promql.Expr]:
    """What is a node of its own: the selector of a range is a part of it."""
    if isinstance(node, promql.Call):
        yield from node.args
    elif isinstance(node, promql.BinaryExpr):
        yield from (node.lhs, node.rhs)
    elif isinstance(node, promql.AggregateExpr | promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
        yield node.expr


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield str(value)
            else:
                yield from _expressions(value)
    elif isinstance(node, list):
        for each in node:
            yield from _expressions(each)
