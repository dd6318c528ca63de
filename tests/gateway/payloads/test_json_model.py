"""The DICOM JSON Model file beside every instance."""

import json
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from gateway.errors import InvalidDataSet, SpoolFailed
from gateway.payloads.json_model import BULK_VRS, dicom_json, minimal_json
from tests.gateway.receiving.scene import Scene, data_set
from tests.samples import SAMPLES, sample


def without_bulk(model: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for tag, element in model.items():
        if element["vr"] == "SQ":  # empty ones have no Value (F.2.5); pydicom writes an empty list
            items = [without_bulk(item) for item in element.get("Value", [])]
            kept[tag] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        elif element["vr"] not in BULK_VRS:
            kept[tag] = element
    return kept


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_what_pydicom_makes_of_the_instance_less_the_bulk(name: str) -> None:
    path = sample(name)
    theirs = dcmread(path).to_json_dict(bulk_data_threshold=1, bulk_data_element_handler=lambda _: "")
    assert json.loads(dicom_json(path)) == without_bulk(theirs)


def file_of(data_set: Dataset, directory: Path) -> Path:
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.SOPClassUID, data_set.SOPInstanceUID = CTImageStorage, "1.2.3"
    path = directory / "instance.dcm"
    data_set.save_as(path, enforce_file_format=True)
    return path


def test_bulk_in_a_sequence_is_left_out_as_well(tmp_path: Path) -> None:
    item = Dataset()
    item.Rows = 2
    item.PixelData = b"\1\2\3\4"
    item["PixelData"].VR = "OW"
    data_set = Dataset()
    data_set.IconImageSequence = Sequence([item])
    model = json.loads(dicom_json(file_of(data_set, tmp_path)))
    assert model["00880200"]["Value"] == [{"00280010": {"vr": "US", "Value": [2]}}]


@pytest.mark.parametrize(
    ("keyword", "stored", "value"),
    [
        ("SliceThickness", b"1,25", "1,25"),
        ("InstanceNumber", b"1A", "1A"),
        ("StudyDate", b"yesterday ", "yesterday"),
    ],
)
def test_a_value_that_breaks_its_vr_is_kept_as_text(tmp_path: Path, keyword: str, stored: bytes, value: str) -> None:
    data_set = Dataset()
    placeholder = "9" * len(stored)
    setattr(data_set, keyword, placeholder)
    path = file_of(data_set, tmp_path)
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), stored))
    (element,) = [e for e in json.loads(dicom_json(path)).values() if e.get("Value") == [value]]
    assert element["vr"] in {"DS", "IS", "DA"}


def test_numbers_that_are_not_finite_are_strings(tmp_path: Path) -> None:
    data_set = Dataset()
    data_set.RealWorldValueSlope = float("nan")
    model = json.loads(dicom_json(file_of(data_set, tmp_path)))
    assert model["00409225"]["Value"] == ["nan"]


def test_names_in_other_character_sets_are_unicode(tmp_path: Path) -> None:
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 144"
    data_set.PatientName = "ДЛЯ ПРИМЕРА"
    model = json.loads(dicom_json(file_of(data_set, tmp_path)))
    assert model["00100010"]["Value"] == [{"Alphabetic": "ДЛЯ ПРИМЕРА"}]


@pytest.mark.parametrize("tail", [b"", b"\xff" * 50, bytes(50), b"A" * 50], ids=["cut", "ones", "zeros", "letters"])
def test_whatever_the_bytes_it_is_a_model_or_said_to_be_impossible(tmp_path: Path, tail: bytes) -> None:
    """A model names its instance, and differs from the whole's in what was cut and in what the tail looks like.

    There is none of what would not have been filed.
    """
    original = Path(str(get_testdata_file("CT_small.dcm")))
    whole, content = json.loads(dicom_json(original)), original.read_bytes()
    path, models = tmp_path / "torn.dcm", []
    for cut in range(300, 3000, 11):
        path.write_bytes(content[:cut] + tail)
        with suppress(InvalidDataSet):
            models.append(json.loads(dicom_json(path)))
    assert len(models) > 30
    for model in models:
        assert "00080018" in model
        assert sum(model[tag] != whole.get(tag) for tag in model) <= 2
    assert max(map(len, models)) > 160


@pytest.mark.parametrize("cut", [300, 2995])
def test_a_file_of_which_nothing_is_read_is_no_instance_without_elements(tmp_path: Path, cut: int) -> None:
    """pydicom says nothing where the file ends within the head of an element: it has read none."""
    path = tmp_path / "torn.dcm"
    path.write_bytes(Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()[:cut] + b"\xff" * 50)
    with pytest.raises(InvalidDataSet, match="no SOP Instance UID"):
        dicom_json(path)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        ((0x0020, 0x000D), b"UI", b"9.9.9.9\0"),
        ((0x0008, 0x0018), b"UI", b"9.9.9.9\0"),
        ((0x0010, 0x0020), b"LO", b"somebody"),
        ((0x0008, 0x0050), b"SH", b"ACC1"),
    ],
)
def test_an_identifier_that_another_reader_would_take_from_elsewhere_is_not_told(
    tmp_path: Path, tag: tuple[int, int], vr: bytes, value: bytes
) -> None:
    """Behind the pixels, where the gateway does not look for it and pydicom does: twice, or once and out of order."""
    spool = Scene(tmp_path)
    with spool.associate().begin() as reception:
        reception.write(memoryview(data_set() + struct.pack("<HH2sH", *tag, vr, len(value)) + value))
        instance = reception.commit()
    path = spool.area.root / instance.file
    assert value.rstrip(b"\0").decode() in str(dcmread(path)[tag].value)
    with pytest.raises(InvalidDataSet, match="stands twice, or out of order"):
        dicom_json(path)
    model = json.loads(minimal_json(instance))
    assert (model["0020000D"]["Value"], model["00080018"]["Value"]) == (["1.2.1"], ["1.2.3"])


def test_a_file_that_the_system_can_not_read_is_tried_again(tmp_path: Path) -> None:
    """To store a minimal model in its place for good would be wrong: the next try may read it."""
    with pytest.raises(SpoolFailed, match="No such file or directory"):
        dicom_json(tmp_path / "gone.dcm")


def test_warnings_that_quote_values_stay_inside() -> None:
    path = Path(str(get_testdata_file("SC_rgb_jpeg.dcm")))
    with pytest.warns(UserWarning, match="VR"):
        str(dcmread(path))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dicom_json(path)
    assert told == []


def test_models_made_at_once_are_the_same_and_leave_filters_of_warnings_alone() -> None:
    before, path = list(warnings.filters), sample(SAMPLES[0])
    with ThreadPoolExecutor(8) as pool:
        models = list(pool.map(lambda _: dicom_json(path), range(400)))
    assert set(models) == {dicom_json(path)}
    assert warnings.filters == before


def test_the_minimal_model_names_the_instance(tmp_path: Path) -> None:
    instance = Scene(tmp_path).associate().send()
    data_set = Dataset.from_json(json.loads(minimal_json(instance)))
    assert data_set.SOPInstanceUID == instance.sop_instance_uid
    assert data_set.StudyInstanceUID == instance.study_instance_uid


def test_pixels_are_passed_over_and_not_read(tmp_path: Path) -> None:
    data_set = Dataset()
    data_set.PatientID = "P1"
    path = file_of(data_set, tmp_path)
    with path.open("ab") as file:
        file.write(b"\xe0\x7f\x10\x00OW\0\0" + (1 << 30).to_bytes(4, "little"))
        file.truncate(file.tell() + (1 << 30))  # a hole: a gigabyte that is only read if somebody asks
    assert set(json.loads(dicom_json(path))) == {"00080016", "00080018", "00100020"}


def test_elements_sent_as_un_are_what_the_dictionary_knows_them_as() -> None:
    path = Path(str(get_testdata_file("explicit_VR-UN.dcm")))
    theirs = dcmread(path).to_json_dict(bulk_data_threshold=1, bulk_data_element_handler=lambda _: "")
    ours = json.loads(dicom_json(path))
    assert ours == without_bulk(theirs)
    assert ours["00100030"] == {"vr": "DA"}  # one without a value


def test_sequences_are_told_apart_by_what_they_hold(tmp_path: Path) -> None:
    """Those that are alike are converted once, those that differ in a letter are not alike."""
    for value in ("A", "B", "A"):
        item = Dataset()
        item.CodeValue = value
        data_set = Dataset()
        data_set.ProcedureCodeSequence = Sequence([item])
        model = json.loads(dicom_json(file_of(data_set, tmp_path)))
        assert model["00081032"]["Value"] == [{"00080100": {"vr": "SH", "Value": [value]}}]
