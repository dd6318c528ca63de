"""pydicom's sample instances: small, real, in all the transfer syntaxes that they come in."""

from pathlib import Path

from pydicom.data import get_testdata_file

SAMPLES = (
    "CT_small.dcm",  # Explicit VR Little Endian
    "MR_small.dcm",
    "MR_small_implicit.dcm",  # Implicit VR Little Endian
    "MR_small_bigendian.dcm",  # Explicit VR Big Endian
    "image_dfl.dcm",  # Deflated Explicit VR Little Endian
    "MR_small_RLE.dcm",  # RLE Lossless
    "JPEG-lossy.dcm",  # JPEG Extended
    "SC_rgb_jpeg_dcmtk.dcm",  # JPEG Baseline
    "JPEG-LL.dcm",  # JPEG Lossless, SV1
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEG2000.dcm",
    "MR_small_jp2klossless.dcm",
    "test-SR.dcm",
    "rtplan.dcm",
    "rtdose.dcm",
    "waveform_ecg.dcm",
    "liver_1frame.dcm",  # Segmentation
)


def sample(name: str) -> Path:
    """The path of a sample. Raises where pydicom and pydicom-data do not bring it."""
    path = get_testdata_file(name, download=False)
    assert path, f"pydicom brings no {name}"
    return Path(str(path))
