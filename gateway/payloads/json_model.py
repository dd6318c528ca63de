"""The DICOM JSON Model of an instance (PS3.18 annex F), bulk values left out.

What is left out is what MIG's `IgnoreOthers` leaves out, in sequences as well: elements of the VRs OB, OD, OF, OL,
OV, OW and UN. Nothing is validated: a value that breaks its VR is written as a string, since it must not stop a study.
"""

import json
import math
import struct
import threading
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydicom import config, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag

from gateway.dicom.identity import read_header
from gateway.dicom.part10 import read_head
from gateway.dicom.scanner import IDENTIFIERS, LONGEST_VALUE_BYTES
from gateway.errors import InvalidDataSet, SpoolFailed
from gateway.payloads.payload import Instance

BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})

_DEFERRED_BYTES = 65_536  # longer values, pixels above all, are passed over and never read
_TEXT_VRS = frozenset("AE AS CS DA DS DT IS LO LT SH ST TM UC UI UR UT".split())
_ALONE_VRS = _TEXT_VRS | frozenset("AT FD FL PN SL SS SV UL US UV".split())
_ALIKE_BYTES, _ALIKE_SEQUENCE_BYTES = 1024, 16_384  # times what is kept: a bound to memory
_UNFIT = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
)

_SOP_INSTANCE_UID = BaseTag(0x0008_0018)

# Filters of warnings are the process's, not the thread's; and the interpreter makes one model at a time anyhow.
_one_at_a_time = threading.Lock()

config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE


def dicom_json(path: Path) -> bytes:
    """Return the model of the Part 10 file at `path`.

    Raises InvalidDataSet where its elements can't be told apart, or name another instance than the one it was filed as,
    SpoolFailed where the system can't read the file.
    """
    try:
        with _one_at_a_time, warnings.catch_warnings(action="ignore"):  # they quote values, and so patients
            data_set = dcmread(path, defer_size=_DEFERRED_BYTES)
            if (
                _SOP_INSTANCE_UID not in data_set
            ):  # pydicom reads nothing, and says nothing, where the end comes too soon
                raise InvalidDataSet("its elements can't be read (no SOP Instance UID)")
            _check_identifiers(path, data_set)
            return _model(data_set).encode("utf-8", "replace")
    except (*_UNFIT, OSError, InvalidDicomError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # pydicom's own have none
            raise SpoolFailed(f"an instance can't be read: {error.strerror}") from error
        raise InvalidDataSet(f"its elements can't be read ({type(error).__name__})") from error


def _check_identifiers(path: Path, data_set: Dataset) -> None:
    """Elements that stand twice, or out of order, are read as the last by one and as the first by another.

    What was filed is what the scan finds, which ends at (0020,000E); pydicom takes the last of the whole data set.
    """
    with path.open("rb") as file:
        filed = read_header(file, read_head(file).transfer_syntax_uid).values
    for tag in IDENTIFIERS:
        raw = data_set.get_item(tag, keep_deferred=True) if tag in data_set else None
        value = raw.value if isinstance(raw, RawDataElement) else b""
        if (value or b"") != filed.get(tag, b"") and (value is None or len(value) <= LONGEST_VALUE_BYTES):
            raise InvalidDataSet(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) stands twice, or out of order")


def minimal_json(instance: Instance) -> bytes:
    """Return a model of what was known when the instance came in, for one whose elements can't be read."""
    return _encode(
        {
            "00080016": {"vr": "UI", "Value": [instance.sop_class_uid]},
            "00080018": {"vr": "UI", "Value": [instance.sop_instance_uid]},
            "00080060": {"vr": "CS", "Value": [instance.modality]},
            "0020000D": {"vr": "UI", "Value": [instance.study_instance_uid]},
            "0020000E": {"vr": "UI", "Value": [instance.series_instance_uid]},
        }
    ).encode("utf-8", "replace")


def _encode(model: Mapping[str, Any]) -> str:
    return json.dumps(model, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _model(data_set: Dataset) -> str:
    character_sets = data_set.original_character_set
    encodings = (character_sets,) if isinstance(character_sets, str) else tuple(character_sets or ())
    elements = []
    for tag, element in sorted(data_set.items(), key=_number):
        encoded = _element(data_set, element, encodings)
        if encoded is not None:
            elements.append(f'"{tag:08X}":{encoded}')
    return "{" + ",".join(elements) + "}"


def _number(element: tuple[BaseTag, object]) -> int:
    return int(element[0])  # two tags are compared by a function of pydicom's, two numbers are not


def _element(data_set: Dataset, raw: DataElement | RawDataElement, encodings: tuple[str, ...]) -> str | None:
    if isinstance(raw, RawDataElement):
        is_deferred = raw.value is None and raw.length > 0
        if raw.VR in BULK_VRS and (raw.VR != "UN" or is_deferred):
            return None  # a UN may be an element that its sender did not know, and the dictionary does (PS3.5 6.2.2)
        if not raw.is_implicit_VR and raw.value is not None:
            if raw.VR in _ALONE_VRS and raw.length < _ALIKE_BYTES:
                return _element_like(int(raw.tag), raw.VR, raw.value, raw.is_little_endian, encodings)
            if raw.VR == "SQ" and raw.length < _ALIKE_SEQUENCE_BYTES:
                return _sequence_like(int(raw.tag), raw.VR, raw.value, raw.is_little_endian, encodings)
    try:
        element = data_set[raw.tag]
        return None if element.VR in BULK_VRS else _value(element)
    except _UNFIT:
        return _as_text(raw)


def _alone(tag: int, vr: str, value: bytes, is_little_endian: bool, encodings: tuple[str, ...]) -> str | None:
    """Encode an element that can be told from itself: it brings its VR, and so does all that it has inside."""
    raw = RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, is_little_endian)
    try:
        return _value(convert_raw_data_element(raw, encoding=list(encodings)))
    except _UNFIT:
        return _as_text(raw)


# What most elements of an instance say, the one before it in its series has said as well.
_element_like = lru_cache(maxsize=4096)(_alone)
_sequence_like = lru_cache(maxsize=256)(_alone)


def _value(element: DataElement) -> str:
    if element.VR == "SQ":
        items = ",".join(_model(item) for item in element.value or ())
        return f'{{"vr":"SQ","Value":[{items}]}}' if items else '{"vr":"SQ"}'
    value: dict[str, Any] = element.to_json_dict(None, bulk_data_threshold=1 << 62)
    if element.VR in {"FL", "FD", "DS"} and "Value" in value:
        value["Value"] = [_finite(number) for number in value["Value"]]
    return _encode(value)


def _finite(number: Any) -> Any:
    """JSON has no words for what is not finite: PS3.18 F.2.5 has them as strings."""
    return str(number) if isinstance(number, float) and not math.isfinite(number) else number


def _as_text(raw: DataElement | RawDataElement) -> str | None:
    """An element whose value breaks its VR: what it says, as strings, where it says anything."""
    if not isinstance(raw, RawDataElement):
        return None
    vr = raw.VR or _dictionary_vr(raw.tag)
    if vr in BULK_VRS:
        return None
    if vr not in _TEXT_VRS or not raw.value:
        return _encode({"vr": vr})
    return _encode({"vr": vr, "Value": raw.value.decode("iso-8859-1").rstrip("\0 ").split("\\")})


def _dictionary_vr(tag: BaseTag) -> str:
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
