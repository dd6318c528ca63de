"""Ids as run names and people abbreviate them."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false

_DIGITS = 32


def ids_beginning(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """That an id begins so: a range, which an index answers."""
    digits = text.replace("-", "").lower()
    if len(digits) > _DIGITS or not re.fullmatch("[0-9a-f]*", digits):
        return false()
    return column.between(UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f")))
