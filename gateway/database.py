"""The gateway's database, SQLite or PostgreSQL: a commit that returned survives a power cut on either."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import DateTime, Engine, MetaData, create_engine, event, func, make_url, select
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeDecorator

from gateway.errors import DatabaseRefused, DatabaseUnavailable, SettingsError

_BUSY_SECONDS = 10
_MAKING_TABLES = 0x4D49_4701  # any number that nobody else locks in this database
_LOOK_AGAIN_SECONDS = 0.02


def open_database(url: str) -> Engine:
    """Return the engine for an SQLAlchemy address. It connects when it is first used.

    Raises SettingsError where the address can't be used.
    """
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        engine = create_engine(parsed, pool_pre_ping=not is_sqlite)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingsError("database.url: not an address of SQLite or PostgreSQL (postgresql+psycopg://…)") from error
    if is_sqlite:
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _make_sqlite_durable)
    else:
        event.listen(engine, "connect", _make_postgresql_durable)
    return engine


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what the database raises into ours. No statement's parameters stand in the text."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable(f"the database does not answer: {_first_line(error)}") from error
    except SQLAlchemyError as error:
        raise DatabaseRefused(f"the database refused ({type(error).__name__})") from error


def make_tables(engine: Engine, metadata: MetaData) -> None:
    """Make the tables that are missing. Several processes may do so together.

    Raises DatabaseUnavailable and DatabaseRefused.
    """
    with database_errors(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # its IF NOT EXISTS looks before it leaps
            connection.execute(select(func.pg_advisory_xact_lock(_MAKING_TABLES)))
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))


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


def _make_sqlite_durable(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Choose the journal. For this alone SQLite has no patience of its own while another process has just done so."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return


def _make_postgresql_durable(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    cursor.close()
    connection.commit()


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
