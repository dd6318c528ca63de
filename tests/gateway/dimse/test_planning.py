"""Which files go over which association."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.dicom.part10_file import Part10File
from gateway.dimse.store import plan_associations
from gateway.dimse.store_association import proposal


def a_file(kind: int, number: int = 0) -> Part10File:
    return Part10File(Path("f"), f"1.2.{kind}", f"1.3.{number}", "1.2.840.10008.1.2.1", 300, 1000)


def test_files_of_one_class_and_syntax_share_a_context_and_an_association() -> None:
    files = [a_file(kind=1, number=number) for number in range(1000)]
    assert plan_associations(files) == [files]


def test_no_files_need_no_association() -> None:
    assert plan_associations([]) == []


@given(st.lists(st.integers(0, 400), max_size=1000))
def test_every_file_goes_once_in_order_and_no_association_has_too_many_contexts(kinds: list[int]) -> None:
    files = [a_file(kind, number) for number, kind in enumerate(kinds)]
    groups = plan_associations(files)
    assert sorted((file for group in groups for file in group), key=files.index) == files
    assert all(group == sorted(group, key=files.index) for group in groups)
    contexts = [{proposal(file) for file in group} for group in groups]
    assert all(len(context) <= 128 for context in contexts)
    assert len(groups) == -(-len(set(kinds)) // 128)
