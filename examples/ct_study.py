"""A computed tomography study: axial slices of 512 by 512 pixels, 525 KB each."""

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.uid import CTImageStorage

from examples.made_slices import Volume
from examples.made_study import FIRST, Examination, made_instance
from examples.vendor_header import add_vendor_header


def made_ct_study(
    slices: int,
    rows: int = 512,
    columns: int = 512,
    *,
    examination: Examination = FIRST,
    rich_header: bool = False,
) -> Iterator[Dataset]:
    """Make one series, slice by slice; the same arguments give the same bytes.

    `rich_header` adds what a vendor's scanner writes beyond the Standard's needs.
    """
    volume = Volume(slices, rows, columns, spacing_mm=0.75, thickness_mm=1.0)
    for number in range(1, slices + 1):
        dataset = made_instance(examination, number, "CT", CTImageStorage)
        if rich_header:
            add_vendor_header(dataset)
        _add_ct_image(dataset)
        volume.add_slice(dataset, number)
        yield dataset


def _add_ct_image(dataset: Dataset) -> None:
    """The elements of PS3.3 C.8.2.1: air becomes -1000 HU, the body some 100 HU, its core bone."""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.AcquisitionNumber = 1
    dataset.KVP = 120
    dataset.RescaleIntercept = -1024
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"
    dataset.WindowCenter = 100
    dataset.WindowWidth = 1400
