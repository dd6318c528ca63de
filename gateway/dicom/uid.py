"""Unique identifiers from the network: checked before they name anything (PS3.5 section 9.1)."""

import re
from functools import lru_cache

from gateway.errors import InvalidDataSet

# Components with leading zeros are not allowed by the Standard, but are sent by real modalities and harm nothing.
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def is_uid(value: str) -> bool:
    """Whether `value` has at most 64 characters, digits in components parted by dots: safe as a part of a path."""
    return len(value) <= 64 and _UID.fullmatch(value) is not None


@lru_cache(maxsize=4096)  # most come with every instance of a series
def decode_uid(value: bytes, keyword: str) -> str:
    """Return the UID in a raw element value. Raises InvalidDataSet where it is missing or malformed."""
    text = value.rstrip(b"\0 ").decode("ascii", "replace")
    if not text:
        raise InvalidDataSet(f"{keyword} is missing")
    if not is_uid(text):
        raise InvalidDataSet(f"{keyword} is malformed")
    return text
