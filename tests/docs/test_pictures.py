"""The pictures of the docs are those that tests take, so that they can be renewed: `make pictures`."""

from pathlib import Path

import pytest

from tests.pictures import SHOWN, names_shown, names_taken

PICTURES = sorted(SHOWN.glob("*.png"))


def test_each_that_a_page_shows_is_taken_by_a_test() -> None:
    assert names_shown() - names_taken() == set()


def test_each_is_shown_by_a_page_and_there() -> None:
    assert {picture.stem for picture in PICTURES} == names_shown()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_it_is_small(picture: Path) -> None:
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000
