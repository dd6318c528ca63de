"""What is kept of the identifiers of data sets: an HMAC-SHA-256 of each (RFC 2104), which nobody can make, or look for,
without the key.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from gateway.credentials.key_file import fingerprint_of, raw_key
from gateway.dicom import scanner
from gateway.lookup.value import as_asked, as_digested


class LookupKind(StrEnum):
    """What a digest is of. A Patient ID has two: who asks may not know its issuer."""

    ACCESSION = "accession"  # (0008,0050)
    PATIENT = "patient"  # (0010,0020)
    PATIENT_OF_ISSUER = "patient-of-issuer"  # (0010,0020) with (0010,0021)


class Lookup(NamedTuple):
    """One digest, in hexadecimal digits."""

    kind: LookupKind
    digest: str


Lookups = frozenset[Lookup]

NONE: Lookups = frozenset()


def have_one_of_each(lookups: Iterable[Lookup], wanted: Iterable[frozenset[str]]) -> bool:
    """Whether there is a digest of each of these sets: those of all keys for what is asked for."""
    digests = {lookup.digest for lookup in lookups}
    return not any(digests.isdisjoint(each) for each in wanted)


_ELEMENTS = (
    scanner.SPECIFIC_CHARACTER_SET,
    scanner.ACCESSION_NUMBER,
    scanner.PATIENT_ID,
    scanner.ISSUER_OF_PATIENT_ID,
)
_MOST_CACHED = 1024  # a data set's values are those of the one before it, mostly


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What a person has of a study, and nobody else is to see: no text of an object shows it."""

    accession_number: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)
    issuer_of_patient_id: str | None = field(default=None, repr=False)  # of that Patient ID

    @property
    def problem(self) -> str:
        """Why it can't be asked for; "" where it can. An empty value would be that of every payload."""
        if any(text is not None and not as_asked(text) for text in astuple(self)):
            return "what is looked for is empty"
        if self.issuer_of_patient_id is not None and self.patient_id is None:
            return "an issuer without a Patient ID: name both"
        return ""


NOTHING = Identifiers()


class LookupKey:
    """Makes digests. No text of an object shows a key.

    Of several keys the first makes what is kept, and all make what is asked for: an old one behind it still finds what
    it made.
    """

    def __init__(self, keys: Sequence[bytes], name: str) -> None:
        """`keys` are those of a key file, which is called `name`. Raises SettingsError where one is none."""
        self._keys = [raw_key(key, name) for key in keys]
        self.fingerprints = tuple(map(fingerprint_of, keys))
        self._of_values = lru_cache(_MOST_CACHED)(self._digests)

    @property
    def fingerprint(self) -> str:
        """Of the key that makes what is kept."""
        return self.fingerprints[0]

    def lookups(self, values: Mapping[int, bytes]) -> Lookups:
        """Return what is kept of the `values` of a HeaderScanner."""
        return self._of_values(*(values.get(tag, b"") for tag in _ELEMENTS))

    def asked(self, identifiers: Identifiers) -> tuple[frozenset[str], ...]:
        """Return sets of digests: a payload that has all of `identifiers` has one of each. They have no `problem`."""
        accession, patient, issuer = (as_asked(text or "") for text in astuple(identifiers))
        named = list(_named(accession, patient, issuer))
        if patient and issuer:
            named = [(kind, parts) for kind, parts in named if kind is not LookupKind.PATIENT]
        return tuple(frozenset(_digest(key, kind, parts) for key in self._keys) for kind, parts in named)

    def _digests(self, character_set: bytes, *values: bytes) -> Lookups:
        named = _named(*(as_digested(value, character_set) for value in values))
        return frozenset(Lookup(kind, _digest(self._keys[0], kind, parts)) for kind, parts in named)


def _named(accession: str, patient: str, issuer: str) -> Iterator[tuple[LookupKind, Sequence[str]]]:
    if accession:
        yield LookupKind.ACCESSION, [accession]
    if patient:
        yield LookupKind.PATIENT, [patient]
    if patient and issuer:
        yield LookupKind.PATIENT_OF_ISSUER, [patient, issuer]


def _digest(key: bytes, kind: LookupKind, parts: Sequence[str]) -> str:
    """Parts are told apart by their lengths: `1` of `23` is not `12` of `3`."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in map(str.encode, (kind, *parts)))
    return hmac.new(key, message, hashlib.sha256).hexdigest()
