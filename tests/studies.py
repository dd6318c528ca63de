"""Real instances to try things on, beside the made ones of `examples`: those that pydicom carries for its own tests."""

import warnings
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

_IDENTIFIERS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True)
class Sample:
    """A Part 10 file of a modality, small and often odd."""

    file: Path
    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@cache
def sample_instances() -> tuple[Sample, ...]:
    """Every sample with the identifiers that a receiver needs: some 200 in eleven transfer syntaxes.

    Several may have the same SOP Instance UID: the same picture, stored in different ways.
    """
    folders = (files("pydicom.data") / "test_files", files("data_store") / "data")
    found = sorted(file for folder in folders for file in Path(str(folder)).rglob("*") if file.is_file())
    return tuple(sample for sample in map(_sample, found) if sample)


def sample_of_each_transfer_syntax() -> tuple[Sample, ...]:
    """One sample, the smallest, for each transfer syntax that there is."""
    by_size = sorted(sample_instances(), key=lambda sample: sample.file.stat().st_size, reverse=True)
    return tuple({sample.transfer_syntax_uid: sample for sample in by_size}.values())


def _sample(file: Path) -> Sample | None:
    with warnings.catch_warnings(action="ignore"):  # of values that break their VR: the reason why they are kept
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
        except InvalidDicomError:
            return None
        identifiers = [UID(str(dataset.get(keyword, ""))) for keyword in _IDENTIFIERS]
        if not all(identifier.is_valid for identifier in identifiers):
            return None
    return Sample(file, str(dataset.file_meta.TransferSyntaxUID), *identifiers[:2])
