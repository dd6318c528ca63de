"""What every table is made of: the one MetaData that all rooms register theirs on, and the types of their columns."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, MetaData, Row
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData()
"""Every table of the gateway. What stands here is what `gateway.database.migrations` leads to: a test compares them."""


def values_of(found: Row[Any], columns: Iterable[ColumnElement[Any]]) -> dict[str, Any]:
    """Return a row of these columns by what they are called here, which may be other than in the database."""
    return {column.key: found._mapping[column] for column in columns if column.key}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. SQLite forgets the time zone, so what is stored is UTC and what is read says so."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
