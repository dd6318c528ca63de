"""A data set is found by its Accession Number and its Patient ID, with the key alone."""

import pytest
from cryptography.fernet import Fernet

from gateway.errors import SettingsError
from gateway.lookup.digests import NOTHING, Identifiers, LookupKind
from tests.gateway.lookup.keys import finds, lookup_key, values

SENT = values(accession=b"ACC 17 ", patient=b"P0042", issuer=b"HOSPITAL")


@pytest.mark.parametrize(
    ("identifiers", "found"),
    [
        (Identifiers("ACC 17"), True),
        (Identifiers(" ACC 17"), True),
        (Identifiers("acc 17"), False),
        (Identifiers("ACC17"), False),
        (Identifiers("P0042"), False),
        (Identifiers(patient_id="P0042"), True),
        (Identifiers(patient_id="P0042", issuer_of_patient_id="HOSPITAL"), True),
        (Identifiers(patient_id="P0042", issuer_of_patient_id="CLINIC"), False),
        (Identifiers(patient_id="P0", issuer_of_patient_id="042HOSPITAL"), False),
        (Identifiers("ACC 17", "P0042"), True),
        (Identifiers("ACC 17", "P0043"), False),
    ],
)
def test_a_data_set_is_found_by_all_that_is_asked_for(identifiers: Identifiers, found: bool) -> None:
    assert finds(lookup_key(), identifiers, SENT) is found


def test_a_patient_id_without_an_issuer_is_not_one_of_an_issuer() -> None:
    key, sent = lookup_key(), values(patient=b"P0042")
    assert finds(key, Identifiers(patient_id="P0042"), sent)
    assert not finds(key, Identifiers(patient_id="P0042", issuer_of_patient_id="HOSPITAL"), sent)


@pytest.mark.parametrize("empty", [b"", b"  ", b"\0"])
def test_of_an_empty_value_nothing_is_kept(empty: bytes) -> None:
    assert lookup_key().lookups(values(accession=empty, patient=empty, issuer=b"HOSPITAL")) == frozenset()


def test_what_is_empty_or_half_can_not_be_asked_for() -> None:
    assert Identifiers(" ").problem == "what is looked for is empty"
    assert Identifiers(issuer_of_patient_id="HOSPITAL").problem == "an issuer without a Patient ID: name both"
    assert NOTHING.problem == ""


def test_digests_are_of_their_key_and_an_old_one_behind_it_still_finds_what_it_made() -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    before, both, after = lookup_key(old), lookup_key(new, old), lookup_key(new)
    asked = Identifiers("ACC 17")
    assert not finds(after, asked, SENT, kept_with=before)
    assert finds(both, asked, SENT, kept_with=before)
    assert finds(after, asked, SENT, kept_with=both)
    assert both.fingerprint == after.fingerprint != before.fingerprint


def test_a_digest_is_an_hmac_of_its_kind_and_its_parts() -> None:
    """As an outsider with the key would make it."""
    import base64
    import hashlib
    import hmac

    key = Fernet.generate_key()
    message = b"\0\0\0\x09accession\0\0\0\x06ACC 17"
    expected = hmac.new(base64.urlsafe_b64decode(key), message, hashlib.sha256).hexdigest()
    assert (LookupKind.ACCESSION, expected) in lookup_key(key).lookups(SENT)


def test_no_text_shows_what_is_asked_for_or_a_key() -> None:
    key = Fernet.generate_key()
    mine = lookup_key(key)
    assert "ACC 17" not in f"{Identifiers('ACC 17')!r} {mine.lookups(SENT)!r}"
    assert key.decode() not in f"{mine!r} {mine.fingerprints}"


def test_a_line_that_is_no_key_is_refused_and_not_quoted() -> None:
    with pytest.raises(SettingsError, match="the keys of this test holds a line that is no key") as refused:
        lookup_key(b"not-a-key-but-perhaps-a-password")
    assert "password" not in str(refused.value)
