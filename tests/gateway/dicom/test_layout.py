"""Headers read by what is known of those before: never other than by walking through each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from gateway.dicom.layout import Layouts
from gateway.dicom.scanner import HeaderScanner
from gateway.errors import InvalidDataSet
from tests.effort import bytes_kept, lines_run
from tests.gateway.dicom.test_scanner import SYNTAXES, data_set_bytes, encoded, header
from tests.samples import SAMPLES, sample

TEXT = st.text("123456789", min_size=1, max_size=8)  # as the end of a UID valid, which pydicom looks at


@st.composite
def headers(draw: st.DrawFn) -> Dataset:
    """Data sets whose elements lie at the same places, or do not."""
    data_set = header(undefined=draw(st.booleans()), private=bytes(draw(st.sampled_from([0, 2, 9000]))))
    data_set.SOPInstanceUID = f"1.2.{draw(TEXT)}"
    data_set.PatientID = draw(TEXT)
    if draw(st.booleans()):
        data_set.AccessionNumber = draw(TEXT)
    if draw(st.booleans()):
        del data_set.SeriesInstanceUID
    return data_set


def scan(raw: bytes, syntax: str, layouts: Layouts | None, first_bytes: int = 1 << 20) -> dict[int, bytes] | str:
    scanner = HeaderScanner(syntax, layouts)
    try:
        scanner.feed(memoryview(raw)[:first_bytes])
        if not scanner.complete:
            scanner.feed(memoryview(raw)[first_bytes:])
    except InvalidDataSet as error:
        return str(error)
    return scanner.values


SENT = st.tuples(headers(), st.sampled_from(SYNTAXES), st.sampled_from([1 << 20, 400, 60]))


@given(st.lists(SENT, min_size=2, max_size=8))
def test_it_finds_what_the_walk_finds(data_sets: list[tuple[Dataset, str, int]]) -> None:
    layouts = Layouts()
    for data_set, syntax, first_bytes in data_sets:
        raw = encoded(data_set, syntax)
        assert scan(raw, syntax, layouts, first_bytes) == scan(raw, syntax, None)


@given(st.data())
def test_a_byte_that_differs_anywhere_is_seen_by_it_as_by_the_walk(data: st.DataObject) -> None:
    syntax = data.draw(st.sampled_from(SYNTAXES[:3]))
    raw = encoded(header(), syntax)
    layouts = Layouts()
    scan(raw, syntax, layouts)
    other = bytearray(raw)
    other[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert scan(bytes(other), syntax, layouts) == scan(bytes(other), syntax, None)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_second_of_real_instances_is_not_walked_through(name: str) -> None:
    path = sample(name)
    syntax = dcmread(path).file_meta.TransferSyntaxUID
    raw = data_set_bytes(path.read_bytes())
    layouts, found = Layouts(), []
    first, second = (lines_run(lambda: found.append(scan(raw, syntax, layouts))) for _ in range(2))
    assert found[0] == found[1]
    assert syntax.is_deflated or second < first / 2


@pytest.mark.slow
def test_what_lies_too_far_is_not_kept() -> None:
    layouts, syntax = Layouts(), SYNTAXES[1]
    far = [encoded(header(private=bytes(size)), syntax) for size in range(9000, 9100, 2)]
    scan(far[0], syntax, layouts)
    assert bytes_kept(lambda: [scan(raw, syntax, layouts) and None for raw in far]) < 9000


@pytest.mark.slow
def test_no_more_is_kept_than_a_series_alternates_between() -> None:
    layouts, syntax = Layouts(), SYNTAXES[1]
    near = [encoded(header(private=bytes(size)), syntax) for size in range(4000, 4200, 2)]
    assert bytes_kept(lambda: [scan(raw, syntax, layouts) and None for raw in near]) < len(near) * 4000 / 4
