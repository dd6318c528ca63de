"""What an instance is and where it belongs, as its data set says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from gateway.dicom import scanner
from gateway.dicom.scanner import HeaderScanner
from gateway.dicom.uid import decode_uid
from gateway.errors import InvalidDataSet

_READ_BYTES = 8192


class Identity(NamedTuple):
    """The identifiers of one instance. `grouping_value` is raw: what it digests to names a group."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    grouping_value: bytes


@dataclass(frozen=True, slots=True)
class Unit:
    """A study, a series of it, or one instance: the levels of DICOM's query and retrieve (PS3.4 section C.3)."""

    study_instance_uid: str
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None

    def holds(self, identity: Identity) -> bool:
        """Whether an instance belongs to it."""
        return (
            identity.study_instance_uid == self.study_instance_uid
            and self.series_instance_uid in {None, identity.series_instance_uid}
            and self.sop_instance_uid in {None, identity.sop_instance_uid}
        )


_GROUPING_TAGS = {
    "0020,000D": scanner.STUDY_INSTANCE_UID,
    "0020,000E": scanner.SERIES_INSTANCE_UID,
    "0010,0020": scanner.PATIENT_ID,
}


def identify(values: Mapping[int, bytes], grouping: str) -> Identity:
    """Return the identity in the `values` of a HeaderScanner. Raises InvalidDataSet.

    Where the grouping element is empty or absent the Study Instance UID stands in for it, or all patients without
    an id would become one.
    """
    study_instance_uid = _uid(values, scanner.STUDY_INSTANCE_UID, "StudyInstanceUID")
    value = values.get(_GROUPING_TAGS[grouping], b"").strip(b"\0 ")
    return Identity(
        _uid(values, scanner.SOP_CLASS_UID, "SOPClassUID"),
        _uid(values, scanner.SOP_INSTANCE_UID, "SOPInstanceUID"),
        study_instance_uid,
        _uid(values, scanner.SERIES_INSTANCE_UID, "SeriesInstanceUID"),
        values.get(scanner.MODALITY, b"").strip(b"\0 ").decode("ascii", "replace")[:16],
        value or study_instance_uid.encode(),
    )


def check_unambiguous(scan: HeaderScanner) -> None:
    """Raise InvalidDataSet where an identifier stands twice (PS3.5 section 7.1): each reader would take another."""
    if scan.repeated is not None:
        group, number = divmod(scan.repeated, 0x1_0000)
        raise InvalidDataSet(f"({group:04X},{number:04X}) stands twice")


def read_header(file: BinaryIO, transfer_syntax_uid: str) -> HeaderScanner:
    """Scan the data set that an open file stands at, as far as needed. Raises InvalidDataSet, and OSError."""
    scan = HeaderScanner(transfer_syntax_uid)
    while not scan.complete and (piece := file.read(_READ_BYTES)):
        scan.feed(piece)
    return scan


def _uid(values: Mapping[int, bytes], tag: int, keyword: str) -> str:
    return decode_uid(values.get(tag, b""), keyword)
