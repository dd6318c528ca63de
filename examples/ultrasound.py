"""A long ultrasound clip: one instance of any size, which never stands in memory as a whole."""

import random
import struct
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import UltrasoundMultiFrameImageStorage

from examples.made_study import FIRST, Examination, made_instance

_ROWS, _COLUMNS, _SAMPLES = 600, 800, 3
_FRAME_BYTES = _ROWS * _COLUMNS * _SAMPLES
_LARGEST_BYTES = 0xFFFF_FFFE  # of a value of defined length (PS3.5 7.1)


def write_ultrasound_clip(
    file: Path, about_bytes: int, *, examination: Examination = FIRST, number: int = 1
) -> Dataset:
    """Write a colour clip of at least `about_bytes`, in whole frames of 1.44 MB, and return it without its pixels."""
    frames = max(2, -(-about_bytes // _FRAME_BYTES))
    if frames * _FRAME_BYTES > _LARGEST_BYTES:
        raise ValueError("a native pixel data element holds less than 4 GiB")
    dataset = made_instance(examination, number, "US", UltrasoundMultiFrameImageStorage)
    _add_clip(dataset, frames)
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)
    _append_pixel_data(file, frames, random.Random(str(dataset.SOPInstanceUID)))
    return dataset


def _add_clip(dataset: Dataset, frames: int) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SamplesPerPixel = _SAMPLES
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.NumberOfFrames = frames
    dataset.FrameTime = 33.33
    dataset.FrameIncrementPointer = 0x00181063  # Frame Time
    dataset.Rows = _ROWS
    dataset.Columns = _COLUMNS
    dataset.BitsAllocated = 8
    dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "00"


def _append_pixel_data(file: Path, frames: int, noise: random.Random) -> None:
    """Pixel Data as explicit VR little endian has it (PS3.5 7.1.2); it is the last element."""
    with file.open("ab") as clip:
        clip.write(struct.pack("<HH2sxxL", 0x7FE0, 0x0010, b"OB", frames * _FRAME_BYTES))
        for _ in range(frames):
            clip.write(noise.randbytes(_FRAME_BYTES))
