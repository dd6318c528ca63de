"""The connections: SQLite or PostgreSQL, and on either a commit that returned survives a power cut."""

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.errors import SettingsError

_BUSY_SECONDS = 10
_LOOK_AGAIN_SECONDS = 0.02


def check_address(url: str) -> None:
    """Raise SettingsError where this is no address of a database that we speak to. Nothing is made."""
    _engine(url).dispose()


def open_unguarded(url: str, *, may_make: bool = True) -> Engine:
    """Return the engine for an SQLAlchemy address, whatever the database holds. It connects when it is first used.

    Raises SettingsError where the address can't be used, and where a file is not there that is not to be made.
    """
    engine = _engine(url)
    if engine.url.get_backend_name() == "sqlite":
        if engine.url.database:
            _look_for(Path(engine.url.database), may_make=may_make)
        event.listen(engine, "connect", _make_sqlite_durable)
    else:
        event.listen(engine, "connect", _make_postgresql_durable)
    return engine


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        return create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingsError("database.url: not an address of SQLite or PostgreSQL (postgresql+psycopg://…)") from error


def _look_for(file: Path, *, may_make: bool) -> None:
    if may_make:
        file.parent.mkdir(parents=True, exist_ok=True)
    elif not file.exists():
        raise SettingsError(
            f"there is no database at {file} yet: the first process that needs it makes it, and a command that asks "
            "does not"
        )


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
