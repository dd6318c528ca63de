"""Keys to find payloads by, and what they make of data sets."""

from cryptography.fernet import Fernet

from gateway.dicom import scanner
from gateway.lookup.digests import Identifiers, LookupKey, have_one_of_each


def lookup_key(*keys: bytes) -> LookupKey:
    """A key; a new one where none is given."""
    return LookupKey(keys or [Fernet.generate_key()], "the keys of this test")


def values(
    accession: bytes = b"", patient: bytes = b"", issuer: bytes = b"", character_set: bytes = b""
) -> dict[int, bytes]:
    """As a HeaderScanner has them."""
    return {
        scanner.SPECIFIC_CHARACTER_SET: character_set,
        scanner.ACCESSION_NUMBER: accession,
        scanner.PATIENT_ID: patient,
        scanner.ISSUER_OF_PATIENT_ID: issuer,
    }


def finds(
    key: LookupKey, identifiers: Identifiers, data_set: dict[int, bytes], kept_with: LookupKey | None = None
) -> bool:
    """Whether a data set is found by what a person has."""
    return have_one_of_each((kept_with or key).lookups(data_set), key.asked(identifiers))
