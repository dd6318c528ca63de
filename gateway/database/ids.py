"""Ids as run names and people abbreviate them."""

from typing import Any

from sqlalchemy import ColumnElement, String, cast, func


def ids_beginning(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """That an id begins so."""
    # SQLite keeps an id as 32 digits, PostgreSQL shows it with hyphens
    digits = func.replace(cast(column, String), "-", "")
    return digits.startswith(text.replace("-", "").lower(), autoescape=True)
