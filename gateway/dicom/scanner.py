"""Read a few top-level elements of a data set as it passes by, without decoding it (PS3.5 section 7).

The elements that say what an instance is and where it belongs stand near the front, in ascending order:

    (0008,0005) SpecificCharacterSet    (0008,0050) AccessionNumber    (0010,0021) IssuerOfPatientID
    (0008,0016) SOPClassUID             (0008,0060) Modality           (0020,000D) StudyInstanceUID
    (0008,0018) SOPInstanceUID          (0010,0020) PatientID          (0020,000E) SeriesInstanceUID

The scanner stops behind the last of them. It keeps no more than one element in memory, however long the values are
that it steps over, and walks into nested sequences only to find their end.
"""

import struct
import zlib
from typing import NamedTuple

from gateway.dicom.layout import Layouts, Walk
from gateway.errors import InvalidDataSet

# PS3.6 Annex A. For these three pydicom would cost every command that looks at the spool half a second.
_IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
_DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
_EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

SPECIFIC_CHARACTER_SET = 0x0008_0005
SOP_CLASS_UID = 0x0008_0016
SOP_INSTANCE_UID = 0x0008_0018
ACCESSION_NUMBER = 0x0008_0050
MODALITY = 0x0008_0060
PATIENT_ID = 0x0010_0020
ISSUER_OF_PATIENT_ID = 0x0010_0021
STUDY_INSTANCE_UID = 0x0020_000D
SERIES_INSTANCE_UID = 0x0020_000E

# Nothing is filed by these: one that is longer than its VR allows is stepped over, and the instance is taken.
_WELCOME = {SPECIFIC_CHARACTER_SET, ACCESSION_NUMBER, ISSUER_OF_PATIENT_ID}
_WANTED = {
    *(SOP_CLASS_UID, SOP_INSTANCE_UID, MODALITY, PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID),
    *_WELCOME,
}
_LAST = max(_WANTED)
IDENTIFIERS = _WANTED - {SPECIFIC_CHARACTER_SET}

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF
# Table 7.1-2: these have a length of 16 bit, all others, and those still to come, one of 32 behind two reserved bytes.
_SHORT_VRS = set(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())

_LONGEST_HEADER_BYTES = 12
LONGEST_VALUE_BYTES = 1024  # an LO of 64 characters, in the longest encoding, is shorter
_DEEPEST_NESTING = 64
_PLAIN_ELEMENT = struct.Struct("<HH2sH")  # as most are: little endian, a VR, a length of 16 bit
_PIECE_BYTES = 16_384  # how much is copied at a time while the scan goes on
_MOST_INFLATED_BYTES = 16 * 1024 * 1024


class _Encoding(NamedTuple):
    implicit: bool
    numbers: struct.Struct  # group, element
    short: struct.Struct
    long: struct.Struct


def _encoding(*, implicit: bool, order: str = "<") -> _Encoding:
    return _Encoding(implicit, struct.Struct(order + "HH"), struct.Struct(order + "H"), struct.Struct(order + "I"))


_EXPLICIT_LITTLE = _encoding(implicit=False)
_EXPLICIT_BIG = _encoding(implicit=False, order=">")
_IMPLICIT_LITTLE = _encoding(implicit=True)


class HeaderScanner:
    """Feed it a data set in pieces of any size; `complete` tells when everything wanted was seen or passed.

    `values` maps a tag to its raw value, padding included; of one that stands twice the last, and `repeated` names it.
    Raises InvalidDataSet for bytes that are no data set.
    """

    def __init__(self, transfer_syntax_uid: str, layouts: Layouts | None = None) -> None:
        """`layouts` remembers the data sets before this one."""
        self.values: dict[int, bytes] = {}
        self.repeated: int | None = None
        self.complete = False
        self._data = bytearray()  # from the first element that is not yet read
        self._skip = 0  # bytes of a value that still pass by
        self._open: list[_Encoding] = []  # the encodings outside each sequence or item that is open
        self._encoding = _first_encoding(transfer_syntax_uid)
        deflated = transfer_syntax_uid == _DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if deflated else None
        self._inflated = 0
        self._transfer_syntax_uid = transfer_syntax_uid
        self._layouts = None if deflated else layouts
        self._walk = Walk()
        self._at = 0  # where `_data` begins in the data set

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next piece of the data set."""
        layouts, self._layouts = self._layouts, None  # only what comes in the first piece is of use to it
        if layouts is not None and (values := layouts.values(self._transfer_syntax_uid, data)):
            self.values, self.complete = values, True
            return
        self._scan(data)
        if layouts is not None and self.complete and self.repeated is None:
            layouts.learn(self._transfer_syntax_uid, data, self._walk)
        self._walk = Walk()  # of no more use, and never longer than a piece

    def _scan(self, data: bytes | bytearray | memoryview) -> None:
        at = 0
        while not self.complete and at < len(data):
            piece = data[at : at + _PIECE_BYTES]
            at += len(piece)
            if self._inflater:
                self._inflate(bytes(piece))
            else:
                self._take(piece)

    def _inflate(self, compressed: bytes) -> None:
        assert self._inflater is not None
        while compressed and not self.complete:
            try:
                piece = self._inflater.decompress(compressed, _PIECE_BYTES)
            except zlib.error as error:
                raise InvalidDataSet("the deflated data set can't be inflated") from error
            self._inflated += len(piece)
            if self._inflated > _MOST_INFLATED_BYTES:
                raise InvalidDataSet("the deflated data set names no study within its first 16 MiB")
            self._take(piece)
            compressed = b"" if self._inflater.eof else self._inflater.unconsumed_tail

    def _take(self, piece: bytes | bytearray | memoryview) -> None:
        passed = min(self._skip, len(piece))
        self._skip -= passed
        self._at += passed
        self._data += piece[passed:]
        read = 0
        while not self.complete:
            read = self._pass_plain(read)
            length = self._element(read)
            if not length:
                break
            read += length
        self._skip += max(0, read - len(self._data))
        self._at += min(read, len(self._data))
        del self._data[:read]

    def _pass_plain(self, at: int) -> int:
        """Step over the elements at `at` that nobody wants and that have nothing inside: the most, so the fastest.

        Returns where the first other one is, or would be.
        """
        if self._encoding is not _EXPLICIT_LITTLE or self._open:
            return at
        data, last = self._data, len(self._data) - _LONGEST_HEADER_BYTES
        base, headers = self._at, self._walk.headers
        while at <= last:
            group, number, vr, length = _PLAIN_ELEMENT.unpack_from(data, at)
            tag = group << 16 | number
            if vr not in _SHORT_VRS or tag in _WANTED or tag > _LAST:
                break
            headers.append(slice(base + at, base + at + 8))
            at += 8 + length
        return at

    def _element(self, at: int) -> int:
        """Read the element at `at`; return how far the next one is, or 0 if more bytes are needed."""
        data = self._data
        if len(data) - at < _LONGEST_HEADER_BYTES:  # every data set that we file is longer than this
            return 0
        encoding = self._encoding or self._guessed(at)
        group, number = encoding.numbers.unpack_from(data, at)
        tag = group << 16 | number
        if group == 0xFFFE:
            self._saw(at, 8)
            return self._delimiter(tag, encoding.long.unpack_from(data, at + 4)[0])
        header, length, vr = _header(data, at, encoding)
        self._saw(at, header)
        if not self._open:
            if tag > _LAST:
                self.complete = True
                return 0
            if tag in _WANTED and not self._value(tag, at + header, length):
                return 0
        if length != _UNDEFINED:
            return header + length
        self._enter(_IMPLICIT_LITTLE if vr == b"UN" else encoding)
        return header

    def _value(self, tag: int, at: int, length: int) -> bool:
        if length > LONGEST_VALUE_BYTES:
            if tag in _WELCOME:
                return True
            raise InvalidDataSet(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) is longer than its VR allows")
        if len(self._data) < at + length:
            return False
        if tag in self.values:
            self.repeated = tag
        self.values[tag] = bytes(self._data[at : at + length])
        self._walk.values[tag] = slice(self._at + at, self._at + at + length)
        self.complete = tag == _LAST
        return True

    def _saw(self, at: int, count: int) -> None:
        self._walk.headers.append(slice(self._at + at, self._at + at + count))

    def _delimiter(self, tag: int, length: int) -> int:
        if tag == _ITEM and self._open:
            if length != _UNDEFINED:
                return 8 + length
            assert self._encoding is not None
            self._enter(self._encoding)
        elif tag in {_ITEM_END, _SEQUENCE_END} and self._open:
            self._encoding = self._open.pop()
        else:
            raise InvalidDataSet("an item stands outside every sequence")
        return 8

    def _enter(self, inside: _Encoding) -> None:
        if len(self._open) == _DEEPEST_NESTING:
            raise InvalidDataSet(f"sequences are nested more than {_DEEPEST_NESTING} deep")
        assert self._encoding is not None
        self._open.append(self._encoding)
        self._encoding = inside

    def _guessed(self, at: int) -> _Encoding:
        """Private transfer syntaxes do not say, and some senders say wrong: a first element with a VR is explicit."""
        vr = bytes(self._data[at + 4 : at + 6])
        self._encoding = _EXPLICIT_LITTLE if vr.isalpha() and vr.isupper() else _IMPLICIT_LITTLE
        return self._encoding


def _first_encoding(transfer_syntax_uid: str) -> _Encoding | None:
    if transfer_syntax_uid == _IMPLICIT_VR_LITTLE_ENDIAN:
        return _IMPLICIT_LITTLE
    return _EXPLICIT_BIG if transfer_syntax_uid == _EXPLICIT_VR_BIG_ENDIAN else None


def _header(data: bytearray, at: int, encoding: _Encoding) -> tuple[int, int, bytes]:
    """Return an element header's length, its value's length and its VR (none where it is implicit)."""
    if encoding.implicit:
        return 8, encoding.long.unpack_from(data, at + 4)[0], b""
    vr = bytes(data[at + 4 : at + 6])
    if vr in _SHORT_VRS:
        return 8, encoding.short.unpack_from(data, at + 6)[0], vr
    if not (vr.isalpha() and vr.isupper()):
        raise InvalidDataSet("an element has no value representation where its transfer syntax has one")
    return 12, encoding.long.unpack_from(data, at + 8)[0], vr
