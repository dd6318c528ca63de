"""The slices of a volume: where each lies in the patient, and its pixels."""

import math
from dataclasses import dataclass

from pydicom import Dataset

from examples.made_study import made_uid, noise
from examples.phantom import phantom


@dataclass(frozen=True, slots=True)
class Volume:
    """A stack of axial slices, which shows a ball."""

    slices: int
    rows: int
    columns: int
    spacing_mm: float
    thickness_mm: float

    def add_slice(self, dataset: Dataset, number: int) -> None:
        """Add the plane (PS3.3 C.7.6.2) and the pixels (C.7.6.3) of slice `number`, counted from 1."""
        self._add_plane(dataset, number)
        self._add_pixels(dataset, number)

    def _add_plane(self, dataset: Dataset, number: int) -> None:
        position_mm = -self.thickness_mm * number
        dataset.FrameOfReferenceUID = made_uid("frame of reference", str(dataset.StudyInstanceUID))
        dataset.PositionReferenceIndicator = ""
        dataset.PatientPosition = "HFS"
        dataset.ImagePositionPatient = [self._edge_mm(self.columns), self._edge_mm(self.rows), position_mm]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [self.spacing_mm, self.spacing_mm]
        dataset.SliceThickness = self.thickness_mm
        dataset.SliceLocation = position_mm

    def _add_pixels(self, dataset: Dataset, number: int) -> None:
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.Rows = self.rows
        dataset.Columns = self.columns
        dataset.BitsAllocated = 16
        dataset.BitsStored = 12
        dataset.HighBit = 11
        dataset.PixelRepresentation = 0
        pixels = phantom(self.rows, self.columns, self._radius(number), noise(dataset, self.rows * self.columns))
        dataset.PixelData = pixels

    def _edge_mm(self, pixels: int) -> float:
        return -self.spacing_mm * (pixels - 1) / 2

    def _radius(self, number: int) -> float:
        height = (2 * number - 1 - self.slices) / self.slices
        return 0.9 * math.sqrt(1 - height**2)
