"""Part 10 files to send: small ones made by hand, and what their data sets are."""

from pathlib import Path

from crc32c import crc32c

from gateway.dicom.part10 import FileMeta, encode_head
from gateway.dicom.part10_file import Part10File
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, data_set


def write_file(
    directory: Path,
    sop_instance_uid: str = "1.2.3",
    *,
    sop_class_uid: str = CT,
    transfer_syntax_uid: str = EXPLICIT_LITTLE,
    pixels: bytes = b"\1\2" * 64,
) -> Part10File:
    """Write an instance as a Part 10 file. Its data set is Explicit VR Little Endian, whatever its meta group says."""
    meta = FileMeta(sop_class_uid, sop_instance_uid, transfer_syntax_uid, "", "")
    path = directory / f"{sop_instance_uid}.dcm"
    content = data_set(sop=sop_instance_uid, sop_class=sop_class_uid, pixels=pixels)
    path.write_bytes(bytes(128) + encode_head(meta) + content)
    return Part10File.at(path)


def write_files(directory: Path, count: int, pixels: bytes = b"\1\2" * 64) -> list[Part10File]:
    """Write that many, called 1.2.3.1 and so on."""
    return [write_file(directory, f"1.2.3.{number}", pixels=pixels) for number in range(1, count + 1)]


def data_set_of(file: Part10File) -> bytes:
    """The bytes behind the meta group."""
    return file.path.read_bytes()[file.data_set_offset :]


def checksum_of(file: Part10File) -> int:
    """The CRC-32C of the data set."""
    return crc32c(data_set_of(file))
