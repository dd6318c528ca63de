"""The made studies are what scanners send: in size, in shape, and as other tools read them."""

import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import CTImageStorage

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from examples.mr_study import made_mr_study
from examples.ultrasound import write_ultrasound_clip
from tests.peers.dcmtk import Dcmtk
from tests.studies import sample_instances, sample_of_each_transfer_syntax


def test_a_ct_slice_takes_525_kilobytes(tmp_path: Path) -> None:
    (file,) = write_study(made_ct_study(1), tmp_path)
    assert file.stat().st_size == pytest.approx(525_500, abs=500)


def test_an_mr_slice_takes_34_kilobytes(tmp_path: Path) -> None:
    (file,) = write_study(made_mr_study(1), tmp_path)
    assert file.stat().st_size == pytest.approx(34_000, abs=500)


def test_the_same_study_is_made_twice_byte_for_byte(tmp_path: Path) -> None:
    once = write_study(made_ct_study(2, 64, 64, rich_header=True), tmp_path / "once")
    again = write_study(made_ct_study(2, 64, 64, rich_header=True), tmp_path / "again")
    assert [file.read_bytes() for file in once] == [file.read_bytes() for file in again]


def test_slices_share_their_series_and_nothing_else() -> None:
    slices = list(made_ct_study(3, 32, 32))
    assert len({dataset.SeriesInstanceUID for dataset in slices}) == 1
    assert len({dataset.SOPInstanceUID for dataset in slices}) == 3
    assert len({dataset.PixelData for dataset in slices}) == 3


def test_two_studies_of_one_patient_differ_in_their_study_only() -> None:
    (first,) = made_ct_study(1, 32, 32, examination=Examination(patient=7, study=1))
    (second,) = made_ct_study(1, 32, 32, examination=Examination(patient=7, study=2))
    assert first.PatientID == second.PatientID
    assert first.StudyInstanceUID != second.StudyInstanceUID


def test_every_identifier_derives_from_a_uuid() -> None:
    (dataset,) = made_ct_study(1, 32, 32, rich_header=True)
    uids = [element.value for element in dataset.iterall() if element.keyword.endswith("InstanceUID")]
    assert all(uid.startswith("2.25.") and len(uid) <= 44 for uid in uids)


def test_pixels_shrink_as_little_as_those_of_a_noisy_scan() -> None:
    (dataset,) = made_ct_study(1)
    assert len(zlib.compress(dataset.PixelData)) > 0.5 * len(dataset.PixelData)


def test_pixels_fit_an_odd_number_of_rows_and_columns() -> None:
    (dataset,) = made_mr_study(1, rows=31, columns=33)
    assert len(dataset.PixelData) == 2 * 31 * 33
    assert max(dataset.PixelData[1::2]) < 2 ** (dataset.BitsStored - 8)


def test_a_vendors_header_has_300_elements_with_private_groups_and_deep_sequences() -> None:
    (dataset,) = made_ct_study(1, 32, 32, rich_header=True)
    assert sum(1 for _ in dataset.iterall()) >= 300
    assert sum(element.tag.is_private for element in dataset) >= 100
    protocol = dataset.RequestAttributesSequence[0].ScheduledProtocolCodeSequence[0]
    assert protocol.ProtocolContextSequence[0].ConceptNameCodeSequence[0].CodeValue == "MADE6"


def test_a_clip_of_any_size_reads_as_the_instance_it_says(tmp_path: Path) -> None:
    written = write_ultrasound_clip(tmp_path / "clip.dcm", 20_000_000)
    clip = pydicom.dcmread(tmp_path / "clip.dcm")
    assert clip.SOPInstanceUID == written.SOPInstanceUID
    assert len(clip.PixelData) == clip.NumberOfFrames * clip.Rows * clip.Columns * 3 >= 20_000_000


def test_a_clip_that_no_element_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        write_ultrasound_clip(tmp_path / "clip.dcm", 2**32)


def test_dcmtk_reads_what_is_made_without_complaint(tmp_path: Path, dcmtk: Dcmtk) -> None:
    files = write_study(made_ct_study(1, rich_header=True), tmp_path / "ct")
    files += write_study(made_mr_study(1, rich_header=True), tmp_path / "mr")
    write_ultrasound_clip(tmp_path / "clip.dcm", 3_000_000)
    for file in [*files, tmp_path / "clip.dcm"]:
        dumped = dcmtk.dcmdump(file)
        assert "Invented^Patient 1" in dumped
        assert "W:" not in dumped


def test_the_samples_cover_eleven_transfer_syntaxes() -> None:
    assert len(sample_of_each_transfer_syntax()) == 11
    assert any(sample.sop_class_uid == CTImageStorage for sample in sample_instances())
