"""Ids as run names and people abbreviate them."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false

_DIGITS = 32


def begins(an_id: UUID, text: str) -> bool:
    """Whether an id begins so."""
    return an_id.hex.startswith(_digits(text))


def ids_beginning(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """The same of a column: a range, which an index answers."""
    digits = _digits(text)
    if len(digits) > _DIGITS or not re.fullmatch("[0-9a-f]*", digits):
        return false()
    return column.between(UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f")))


def _digits(text: str) -> str:
    return text.replace("-", "").lower()
