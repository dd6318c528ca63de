"""The incremental scanner against pydicom, on data sets in pieces of any size."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from gateway.dicom import scanner
from gateway.dicom.identity import check_unambiguous, identify
from gateway.dicom.layout import Layouts
from gateway.dicom.part10 import FileMeta, encode_head, read_head
from gateway.dicom.scanner import HeaderScanner
from gateway.errors import InvalidDataSet
from tests.effort import bytes_at_most
from tests.samples import SAMPLES, sample

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def encoded(data_set: Dataset, syntax: str) -> bytes:
    file = DicomBytesIO()
    file.is_little_endian = syntax != ExplicitVRBigEndian
    file.is_implicit_VR = syntax == ImplicitVRLittleEndian
    write_dataset(file, data_set)
    raw = file.getvalue()
    if syntax == DeflatedExplicitVRLittleEndian:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        raw = deflater.compress(raw) + deflater.flush()
    return raw


def scanned(raw: bytes, syntax: str, sizes: list[int] | None = None) -> HeaderScanner:
    scan = HeaderScanner(syntax)
    at = 0
    for size in sizes or []:
        scan.feed(raw[at : at + size])
        at += size
    scan.feed(memoryview(raw)[at:])
    return scan


def header(*, undefined: bool = False, private: bytes = b"") -> Dataset:
    """A data set with sequences, a private element and everything that is looked for."""
    inner = Dataset()
    inner.StudyInstanceUID = "9.9.9"  # of another study: not to be taken for this one's
    inner.CodeValue = "T1"
    middle = Dataset()
    middle.ReferencedSeriesSequence = Sequence([inner, inner])
    data_set = Dataset()
    data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"
    data_set.Modality = "CT"
    data_set.ReferencedStudySequence = Sequence([middle])
    data_set.add_new(0x00090010, "LO", "VENDOR")
    data_set.add_new(0x00091001, "OB", private)
    data_set.PatientID = "P1"
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    data_set.ImageType = ["ORIGINAL", "PRIMARY"]
    data_set["ReferencedStudySequence"].is_undefined_length = undefined
    for sequence in (data_set.ReferencedStudySequence, middle.ReferencedSeriesSequence):
        for item in sequence:
            item.is_undefined_length_sequence_item = undefined
    middle["ReferencedSeriesSequence"].is_undefined_length = undefined
    return data_set


@given(
    syntax=st.sampled_from(SYNTAXES),
    undefined=st.booleans(),
    private_bytes=st.sampled_from([0, 2, 1000, 70_000]),
    sizes=st.lists(st.integers(1, 400), max_size=30),
)
def test_it_finds_the_same_whatever_the_pieces(
    syntax: str, undefined: bool, private_bytes: int, sizes: list[int]
) -> None:
    raw = encoded(header(undefined=undefined, private=bytes(private_bytes)), syntax)
    scan = scanned(raw, syntax, sizes)
    assert scan.complete
    found = identify(scan.values, "0020,000D")
    assert (found.sop_instance_uid, found.study_instance_uid, found.series_instance_uid) == (
        "1.2.3.4",
        "1.2.3",
        "1.2.3.1",
    )
    assert (found.modality, scan.values[scanner.PATIENT_ID].strip()) == ("CT", b"P1")


@pytest.mark.parametrize("name", SAMPLES)
def test_it_agrees_with_pydicom_on_real_instances(name: str) -> None:
    path = sample(name)
    theirs = dcmread(path)
    with path.open("rb") as file:
        raw = data_set_bytes(file.read())
    scan = scanned(raw, theirs.file_meta.TransferSyntaxUID, [7] * 50)
    ours = identify(scan.values, "0020,000D")
    assert ours.sop_class_uid == theirs.SOPClassUID
    assert ours.sop_instance_uid == theirs.SOPInstanceUID
    assert (ours.study_instance_uid, ours.series_instance_uid) == (theirs.StudyInstanceUID, theirs.SeriesInstanceUID)
    assert ours.modality == theirs.Modality


def data_set_bytes(file: bytes) -> bytes:
    (length,) = struct.unpack_from("<I", file, 140)
    return file[144 + length :]


def test_it_reads_no_further_than_it_must() -> None:
    scan = HeaderScanner(ExplicitVRLittleEndian)
    raw = encoded(header(), ExplicitVRLittleEndian)
    scan.feed(raw)
    assert scan.complete
    scan.feed(b"\xff" * 1000)  # whatever follows is not looked at


@pytest.mark.slow
def test_a_value_of_a_gigabyte_takes_no_memory() -> None:
    scan = HeaderScanner(ExplicitVRLittleEndian)
    scan.feed(struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 1 << 30))
    piece = bytes(1 << 20)

    def feed_all() -> None:
        for _ in range(1 << 10):
            scan.feed(piece)

    assert bytes_at_most(feed_all) < 3 << 20
    scan.feed(encoded(header(), ExplicitVRLittleEndian)[-400:])


@pytest.mark.parametrize("said", ["1.2.840.113619.5.2", ExplicitVRLittleEndian], ids=["private", "wrong"])
def test_a_syntax_that_does_not_say_how_is_read_by_what_the_first_element_looks_like(said: str) -> None:
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        scan = scanned(encoded(header(), syntax), said)
        assert identify(scan.values, "0020,000D").study_instance_uid == "1.2.3"


def test_a_un_of_undefined_length_is_implicit_inside() -> None:
    """PS3.5 6.2.2 note 4."""
    implicit = encoded(header(undefined=True), ImplicitVRLittleEndian)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + implicit + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    unknown = struct.pack("<HH2sHI", 0x0007, 0x1001, b"UN", 0, 0xFFFFFFFF) + item
    unknown += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    scan = scanned(unknown + encoded(header(), ExplicitVRLittleEndian), ExplicitVRLittleEndian, [3] * 200)
    assert identify(scan.values, "0020,000D").study_instance_uid == "1.2.3"


_ONE_ELEMENT = struct.pack("<HH2sH", 0x0008, 0x0005, b"CS", 4) + b"ISO "


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (struct.pack("<HHI", 0xFFFE, 0xE000, 4) + bytes(20), "outside every sequence"),
        (_ONE_ELEMENT + struct.pack("<HH2sH", 0x0008, 0x0006, b"\0\1", 4) + bytes(20), "no value representation"),
        (struct.pack("<HH2sH", 0x0008, 0x0018, b"UI", 2000) + bytes(3000), "longer than its VR allows"),
        (struct.pack("<HH2sHI", 0x0007, 0x1001, b"SQ", 0, 0xFFFFFFFF) * 100, "more than 64 deep"),
    ],
)
def test_bytes_that_are_no_data_set_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidDataSet, match=reason):
        scanned(raw, ExplicitVRLittleEndian)


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_an_identifier_that_stands_twice_is_noticed_in_every_instance_of_a_series(syntax: str) -> None:
    """The layout of such a data set is not one to go by."""
    first, second = Dataset(), Dataset()
    first.SOPInstanceUID, second.SOPInstanceUID, second.SeriesInstanceUID = "1.2.3", "1.2.4", "1.2.5"
    twice, layouts = encoded(first, syntax) + encoded(second, syntax), Layouts()
    for _ in range(3):
        scan = HeaderScanner(syntax, layouts)
        scan.feed(twice)
        assert scan.complete
        with pytest.raises(InvalidDataSet, match=r"\(0008,0018\) stands twice"):
            check_unambiguous(scan)


def test_a_deflated_bomb_ends_at_its_bound() -> None:
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    long_value = struct.pack("<HH2sHI", 0x0007, 0x1001, b"OB", 0, 1 << 30)
    raw = deflater.compress(long_value + bytes(1 << 26)) + deflater.flush()
    with pytest.raises(InvalidDataSet, match="16 MiB"):
        scanned(raw, DeflatedExplicitVRLittleEndian)


@given(st.binary(max_size=600), st.sampled_from(SYNTAXES))
def test_garbage_is_refused_or_finds_nothing_but_never_breaks(raw: bytes, syntax: str) -> None:
    try:
        scan = scanned(raw, syntax)
    except InvalidDataSet:
        return
    assert sum(map(len, scan.values.values())) <= len(raw) or syntax == DeflatedExplicitVRLittleEndian


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("StudyInstanceUID", None, "StudyInstanceUID is missing"),
        ("SeriesInstanceUID", "", "SeriesInstanceUID is missing"),
        ("SOPInstanceUID", "1..2", "SOPInstanceUID is malformed"),
        ("StudyInstanceUID", "../../etc/passwd", "StudyInstanceUID is malformed"),
        ("StudyInstanceUID", "1." * 32 + "1", "StudyInstanceUID is malformed"),
    ],
)
def test_an_identifier_that_is_missing_or_malformed_is_named(keyword: str, value: str | None, reason: str) -> None:
    data_set = header()
    if value is None:
        delattr(data_set, keyword)
    else:
        data_set[keyword]._value = value
    scan = scanned(encoded(data_set, ExplicitVRLittleEndian), ExplicitVRLittleEndian)
    with pytest.raises(InvalidDataSet, match=reason):
        identify(scan.values, "0020,000D")


def test_the_head_of_a_file_is_read_back(tmp_path: Path) -> None:
    meta = FileMeta("1.2", "1.2.3", ExplicitVRLittleEndian, "CT01", "MIG")
    path = tmp_path / "1.dcm"
    path.write_bytes(bytes(128) + encode_head(meta) + b"data set")
    with path.open("rb") as file:
        assert read_head(file) == meta
        assert file.read() == b"data set"
    theirs = dcmread(io.BytesIO(bytes(128) + encode_head(meta) + encoded(header(), ExplicitVRLittleEndian)))
    assert (theirs.file_meta.SendingApplicationEntityTitle, theirs.file_meta.TransferSyntaxUID) == (
        "CT01",
        ExplicitVRLittleEndian,
    )
