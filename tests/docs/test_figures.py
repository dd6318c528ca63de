"""The figures of the README are those that `make bench` has measured."""

import json
import re
from pathlib import Path

import pytest

from bench.row import figure

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MEASURED = {row["what"]: row for row in json.loads((ROOT / "docs/bench.json").read_text(encoding="utf-8"))}
SECTION = README.partition("## How fast")[2].partition("\n## ")[0]
LINES = re.findall(r"^\| (?!what|---)(.+?) \|.*$", SECTION, re.MULTILINE)


def line_of(row: dict[str, object]) -> str:
    ours, peer, ratio = row["ours"], row["peer"], row["ratio"]
    assert isinstance(ours, float | int)
    beside = f"{figure(peer)} ({row['peer_name']})" if isinstance(peer, float | int) else ""
    times = f"{figure(ratio)} ×" if isinstance(ratio, float | int) else ""
    return f"| {row['what']} | {figure(ours)} {row['unit']} | {beside} | {times} |"


def test_there_are_some() -> None:
    assert len(LINES) >= 5


@pytest.mark.parametrize("what", LINES)
def test_a_figure_of_the_readme_was_measured(what: str) -> None:
    assert line_of(MEASURED[what]) in SECTION
