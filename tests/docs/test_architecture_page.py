"""The map of the house and the house itself."""

import re
from pathlib import Path

import pytest

from gateway.kinds import KINDS
from gateway.work.transitions import Event
from tests.docs import diagrams

ROOT = Path(__file__).parents[2]
PAGE = diagrams.PAGE.read_text(encoding="utf-8")


def test_every_kind_of_work_is_drawn() -> None:
    assert set(diagrams.KINDS) == set(KINDS)


@pytest.mark.parametrize("kind", list(diagrams.KINDS))
def test_the_states_are_those_of_the_table(kind: str) -> None:
    """Where this fails: `python -m tests.docs.diagrams` draws them anew."""
    assert diagrams.drawn(PAGE, kind) == diagrams.diagram(diagrams.KINDS[kind])


@pytest.mark.parametrize("floor", ["gateway", "listeners", "deployments"])
def test_every_room_is_on_the_page(floor: str) -> None:
    rooms = {path.parent.name for path in (ROOT / floor).glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}/`" not in PAGE} == set()


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:gateway|listeners|tasks|flows|deployments|tests)/[\w/.]+)`", PAGE))
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_event_is_explained() -> None:
    assert {event for event in Event if f"| {event} |" not in PAGE} == set()


def test_at_most_eight_modules_stand_loose() -> None:
    for floor in ("gateway", "deployments"):
        loose = [path.name for path in (ROOT / floor).glob("*.py") if not path.name.startswith("__")]
        assert len(loose) <= 8, loose
