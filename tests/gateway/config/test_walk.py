"""Unions and paths are found in the model, wherever they stand."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from gateway.config.walk import key_of, with_absolute_paths


class Red(BaseModel):
    kind: Literal["red"] = "red"
    file: Path | None = None
    depth: int = 0


class Blue(BaseModel):
    kind: Literal["blue"] = "blue"


Colour = Annotated[Red | Blue, Field(discriminator="kind")]


class Inner(BaseModel):
    colour: Colour = Blue()
    hosts: str | tuple[str, ...] = "a"


class Made(BaseModel):
    inner: Inner = Inner()
    colours: tuple[Colour, ...] = ()
    optional: Inner | None = None


def keys(**values: object) -> list[tuple[int | str, ...]]:
    with pytest.raises(ValidationError) as invalid:
        Made.model_validate(values)
    return [key_of(Made, problem["loc"]) for problem in invalid.value.errors()]


def test_where_a_problem_is_has_no_tag_of_a_union_in_it() -> None:
    assert keys(inner={"colour": {"kind": "red", "depth": "deep"}}) == [("inner", "colour", "depth")]
    assert keys(colours=[{"kind": "blue"}, {"kind": "red", "depth": "deep"}]) == [("colours", 1, "depth")]
    assert keys(optional={"colour": {"kind": "red", "depth": "deep"}}) == [("optional", "colour", "depth")]
    assert set(keys(inner={"hosts": 7})) == {("inner", "hosts")}
    assert keys(colours=[{"kind": "green"}]) == [("colours", 0)]


def test_every_path_becomes_absolute(tmp_path: Path) -> None:
    red = {"kind": "red", "file": "a"}
    made = Made.model_validate({"inner": {"colour": red}, "colours": [red, {"kind": "blue"}]})
    found = with_absolute_paths(made, tmp_path)
    assert isinstance(found.inner.colour, Red)
    assert isinstance(found.colours[0], Red)
    assert found.inner.colour.file == found.colours[0].file == tmp_path / "a"
    assert found.colours[1] == Blue()
