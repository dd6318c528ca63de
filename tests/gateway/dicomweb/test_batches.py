"""Which files go with which request."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.dicom.part10_file import Part10File
from gateway.dicomweb.store import BatchLimits, plan_batches


def a_file(name: int, size: int) -> Part10File:
    return Part10File(Path("f"), "1.2", f"1.3.{name}", "1.2.840.10008.1.2.1", 300, size)


@given(
    st.lists(st.builds(a_file, st.integers(0, 30), st.integers(400, 5000)), max_size=60),
    st.builds(BatchLimits, st.integers(1, 10), st.integers(0, 20_000)),
)
def test_every_file_goes_once_in_order_within_the_limits(files: list[Part10File], limits: BatchLimits) -> None:
    batches = plan_batches(files, limits)
    assert [file for batch in batches for file in batch] == files
    for batch in batches:
        assert 1 <= len(batch) <= limits.most_files
        assert len(batch) == 1 or sum(file.bytes for file in batch) <= limits.most_bytes
        assert len({file.sop_instance_uid for file in batch}) == len(batch)


@given(st.lists(st.builds(a_file, st.integers(), st.integers(400, 5000)), min_size=2, max_size=20, unique=True))
def test_a_batch_that_was_too_large_becomes_several(batch: list[Part10File]) -> None:
    assert len(plan_batches(batch, BatchLimits(20, 1_000_000).below(batch))) > 1


def test_a_file_over_the_limit_goes_alone() -> None:
    files = [a_file(1, 1000), a_file(2, 9000), a_file(3, 1000)]
    assert plan_batches(files, BatchLimits(10, 5000)) == [files[:1], files[1:2], files[2:]]
