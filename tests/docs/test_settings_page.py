"""The page of the settings and the settings themselves tell the same."""

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.config import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
SECTIONS = {name for name in Settings.model_fields if name != "data_dir"}


def section_text(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/settings.md has no section {name}"
    return found[1]


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation such as `tuple[A | B, ...]`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in typing.get_args(annotation):
        yield from models(part)


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_every_setting_of_a_section_is_on_the_page(section: str) -> None:
    text = section_text(section)
    named = {name for model in models(Settings.model_fields[section].annotation) for name in model.model_fields}
    assert {name for name in named if f"`{name}" not in text} == set()


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_every_key_on_the_page_is_a_setting(section: str) -> None:
    known = {name for model in models(Settings.model_fields[section].annotation) for name in model.model_fields}
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", section_text(section), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert told <= known


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_simple_defaults_are_those_of_the_page(section: str) -> None:
    for model in models(Settings.model_fields[section].annotation):
        for name, field in model.model_fields.items():
            row = re.search(rf"^\| `{name}` \| `([^`]+)` \|", section_text(section), re.MULTILINE)
            if row and isinstance(field.default, int | float | str | bool):
                assert re.sub(r"(?<=\d)_(?=\d)", "", row[1].strip('"')) == _written(field.default), name


def _written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return str(int(default)) if isinstance(default, int | float) else str(default)
