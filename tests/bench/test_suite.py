"""The measurements, and the page that explains them."""

import re
from pathlib import Path

import pytest

from bench.suite import MEASUREMENTS

PAGE = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_is_on_the_page(name: str) -> None:
    assert re.search(rf"^\| `{name}` \| \S", PAGE, re.MULTILINE)


def test_every_measurement_on_the_page_exists() -> None:
    _, table = PAGE.split("## What is measured")
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(MEASUREMENTS)
