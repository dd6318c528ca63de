"""Presentation contexts by name."""

import pytest

from gateway.associations.contexts import MOST_KEPT, described, refusal_of
from gateway.associations.record import ContextRecord, ContextResult
from tests.gateway.associations.records import CT, EXPLICIT_LITTLE, MWL

COMMITMENT, VERIFICATION, PRIVATE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.1", "1.3.12.2.1107.5.9.1"

ACCEPTED = ContextRecord(CT, ContextResult.ACCEPTED, EXPLICIT_LITTLE)


def refused(uid: str, result: ContextResult = ContextResult.NO_ABSTRACT_SYNTAX) -> ContextRecord:
    return ContextRecord(uid, result)


@pytest.mark.parametrize(
    ("contexts", "said"),
    [
        ([ACCEPTED], ""),
        ([refused(MWL)], "asked for Modality Worklist Information Model - FIND only, which is not served here"),
        (
            [refused(MWL), refused(COMMITMENT)],
            (
                "asked for Modality Worklist Information Model - FIND, Storage Commitment Push Model SOP Class only, "
                "which are not served here"
            ),
        ),
        ([ACCEPTED, refused(MWL)], "not served here: Modality Worklist Information Model - FIND"),
        (
            [refused(VERIFICATION, ContextResult.NO_TRANSFER_SYNTAX)],
            "asked for Verification SOP Class in other transfer syntaxes only, which is not served here",
        ),
        ([ACCEPTED, refused(PRIVATE)], f"not served here: {PRIVATE}"),
    ],
)
def test_those_that_were_refused_are_named(contexts: list[ContextRecord], said: str) -> None:
    assert refusal_of(contexts) == said


def test_a_long_list_says_how_many_more_there_are() -> None:
    said = refusal_of([refused(f"1.2.3.{number}") for number in range(20)])
    assert said.startswith("asked for 1.2.3.0, ")
    assert said.endswith(" and 12 more only, which are not served here")


def test_each_is_kept_once_by_its_name_and_the_refused_ones_first() -> None:
    kept = described([ACCEPTED, ACCEPTED, refused(MWL)])
    assert [context.name for context in kept] == ["Modality Worklist Information Model - FIND", "CT Image Storage"]


def test_of_very_many_the_first_are_kept() -> None:
    contexts = [ContextRecord(f"1.2.3.{number}", ContextResult.ACCEPTED, EXPLICIT_LITTLE) for number in range(128)]
    assert len(described([*contexts, refused(MWL)])) == MOST_KEPT
