"""A magnetic resonance study: many small slices, 128 by 128 pixels, 33 KB each."""

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.uid import MRImageStorage

from examples.made_slices import Volume
from examples.made_study import FIRST, Examination, made_instance
from examples.vendor_header import add_vendor_header


def made_mr_study(
    slices: int,
    rows: int = 128,
    columns: int = 128,
    *,
    examination: Examination = FIRST,
    rich_header: bool = False,
) -> Iterator[Dataset]:
    """Make one series, slice by slice; the same arguments give the same bytes."""
    volume = Volume(slices, rows, columns, spacing_mm=1.8, thickness_mm=4.0)
    for number in range(1, slices + 1):
        dataset = made_instance(examination, number, "MR", MRImageStorage)
        if rich_header:
            add_vendor_header(dataset)
        _add_mr_image(dataset)
        volume.add_slice(dataset, number)
        yield dataset


def _add_mr_image(dataset: Dataset) -> None:
    """The elements of PS3.3 C.8.3.1."""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    dataset.ScanningSequence = "GR"
    dataset.SequenceVariant = "NONE"
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "2D"
    dataset.RepetitionTime = 500
    dataset.EchoTime = 12
    dataset.EchoTrainLength = 1
    dataset.FlipAngle = 70
    dataset.MagneticFieldStrength = 3
    dataset.WindowCenter = 1024
    dataset.WindowWidth = 2048
