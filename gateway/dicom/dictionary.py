"""The UIDs of the Standard by name (PS3.6 annex A), out of pydicom's table.

The table alone: the package around it costs whoever only looks a name up half a second.
"""

import importlib.util
from functools import cache
from typing import NamedTuple

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"


class Entry(NamedTuple):
    """What PS3.6 says of a UID; `kind` is e.g. "SOP Class" or "Transfer Syntax"."""

    name: str
    kind: str
    keyword: str


def entry_of(uid: str) -> Entry | None:
    """Return what PS3.6 says of a UID; None for a private one, and for one that is newer than the table."""
    return _entries().get(uid)


def name_of(uid: str) -> str:
    """What PS3.6 calls a UID; "" where it does not know it."""
    entry = entry_of(uid)
    return entry.name if entry else ""


def uid_of(keyword: str) -> str | None:
    """Return the UID with this keyword, e.g. `CTImageStorage`; None where there is none."""
    return next((uid for uid, entry in _entries().items() if entry.keyword == keyword), None)


def is_storage(abstract_syntax: str) -> bool:
    """Whether it is a class of instances: every storage class, and what the dictionary does not know.

    That lets in private classes, and those that the Standard adds after this version of the dictionary.
    """
    entry = entry_of(abstract_syntax)
    if entry is None:
        return True
    other = entry.name.startswith(("Storage Commitment", "Media Storage"))
    return entry.kind == "SOP Class" and "Storage" in entry.name and not other


@cache
def _entries() -> dict[str, Entry]:
    package = importlib.util.find_spec("pydicom")  # imports nothing
    assert package
    assert package.submodule_search_locations
    file = f"{package.submodule_search_locations[0]}/_uid_dict.py"
    spec = importlib.util.spec_from_file_location("_uid_dict_of_pydicom", file)
    assert spec
    assert spec.loader
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    return {uid: Entry(name, kind, keyword) for uid, (name, kind, _, _, keyword) in table.UID_dictionary.items()}
