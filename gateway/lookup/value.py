"""An Accession Number or a Patient ID as it is digested: the same text, whatever it was padded with and encoded in.

Spaces around it say nothing (PS3.5 section 6.2: LO, SH), nor does a NUL; the case of letters does. ASCII is the same in
every character set. Anything else is decoded by the Specific Character Set (0008,0005) of its data set; where that is
missing or wrong, as UTF-8, else as Latin-1. What is left is in Unicode's Normalization Form C.
"""

import unicodedata

_PADDING = "\0 "
_ESCAPE = b"\x1b"  # of ISO 2022: what follows is ASCII in its bytes alone
_DEFAULT_REPERTOIRE = {"", "ISO_IR 6", "ISO 2022 IR 6"}


def as_digested(value: bytes, character_set: bytes) -> str:
    """Return the text of a raw value, "" for one that is empty; `character_set` is the raw value of (0008,0005)."""
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii").strip(_PADDING)
    return as_asked(_decoded(value, character_set))


def as_asked(text: str) -> str:
    """Return what somebody asks for in the same form."""
    return unicodedata.normalize("NFC", text).strip(_PADDING)


def _decoded(value: bytes, character_set: bytes) -> str:
    """pydicom knows the character sets; few receivers ever need it, and its import takes half a second."""
    from pydicom.charset import decode_bytes, python_encoding

    terms = [term.strip(_PADDING) for term in character_set.decode("ascii", "replace").split("\\")]
    codecs = [python_encoding[term] for term in terms if term in python_encoding]
    try:
        if _ESCAPE in value and len(codecs) == len(terms):
            return decode_bytes(value, codecs, set())
        if terms[0] in python_encoding and terms[0] not in _DEFAULT_REPERTOIRE:
            return value.decode(codecs[0])
        return value.decode("utf-8")
    except UnicodeError:
        return value.decode("latin-1")
