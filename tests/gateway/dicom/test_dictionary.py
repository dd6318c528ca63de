"""The UIDs of the Standard by name."""

from pydicom._uid_dict import UID_dictionary
from pynetdicom import sop_class

from gateway.dicom.dictionary import entry_of, is_storage, name_of, uid_of

CT, PRIVATE = "1.2.840.10008.5.1.4.1.1.2", "1.3.12.2.1107.5.9.1"


def test_the_table_is_that_of_pydicom() -> None:
    """As far as it is that of the Standard: packages beside pydicom add to it as they are imported."""
    theirs = {uid: (name, kind, keyword) for uid, (name, kind, _, _, keyword) in UID_dictionary.items()}
    ours = {uid: entry_of(uid) for uid in theirs}
    assert {uid for uid, entry in ours.items() if entry and entry != theirs[uid]} == set()
    assert sum(entry is not None for entry in ours.values()) > 450


def test_a_keyword_finds_its_uid() -> None:
    assert uid_of("CTImageStorage") == CT
    assert uid_of("CTImageStorge") is None


def test_a_private_uid_has_no_name() -> None:
    assert (entry_of(PRIVATE), name_of(PRIVATE)) == (None, "")


def test_every_storage_class_of_pynetdicom_counts_as_one() -> None:
    assert all(is_storage(uid) for uid in sop_class._STORAGE_CLASSES.values())
    services = [uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and "FIND" in name]
    assert not any(is_storage(uid) for uid in services)
