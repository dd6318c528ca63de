"""The upgrade of a database: by one process at a time, in one transaction, told in the log.

Alembic is imported here alone, and this only where there is something to upgrade: it takes half a second.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import OperationalError

from gateway.database import migrations
from gateway.database.migrations import HEAD
from gateway.database.schema import VERSION_TABLE, Schema, SchemaState, read_schema, upgrades
from gateway.errors import DatabaseUnavailable
from gateway.log import Logger
from gateway.versions import program_version

LONGEST_WAIT_SECONDS = 600.0  # for the upgrade of another process
LOCK_TIMEOUT = "30s"  # for a table that somebody reads
_LOOK_AGAIN_SECONDS = 0.2
_LOCK = 0x4D49_4701  # any number that nobody else locks in this database

_log = Logger(__name__)


def upgrade(connection: Connection, longest_wait_seconds: float = LONGEST_WAIT_SECONDS) -> Schema:
    """Bring the database to the revision of this program, unless it is there; return what it was before.

    Raises DatabaseUnavailable where another process takes longer than that, DatabaseRefused where the database is newer
    or not one of ours. `connection` is in no transaction, before and after.
    """
    with _alone(connection, longest_wait_seconds):
        before = read_schema(connection)
        before.check()
        if before.state is SchemaState.CURRENT:
            return before
        began, told = time.monotonic(), {"from": before.revision or before.state.value, "to": HEAD}
        if before.state is not SchemaState.EMPTY:
            _log.debug("upgrading the database", **told)
        command.upgrade(_alembic(connection), "head")
        _note(connection)
    if before.state is not SchemaState.EMPTY:
        _log.info("database upgraded", **told, seconds=round(time.monotonic() - began, 1))
    return before


def _alembic(connection: Connection) -> Config:
    config = Config()
    location = str(Path(migrations.__file__).parent)
    config.set_main_option("script_location", location.replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    return config


def _note(connection: Connection) -> None:
    connection.execute(delete(upgrades).where(upgrades.c.revision == HEAD))
    values = {"revision": HEAD, "program": program_version(), "upgraded": datetime.now(UTC)}
    connection.execute(insert(upgrades).values(values))


@contextmanager
def _alone(connection: Connection, longest_wait_seconds: float) -> Iterator[None]:
    """A transaction that one process at a time has; committed at its end."""
    deadline, is_told = time.monotonic() + longest_wait_seconds, False
    try:
        while not _has_lock(connection):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"the database does not answer: another process has upgraded it for {longest_wait_seconds:g} s"
                )
            if not is_told:
                _log.info("another process upgrades the database; waiting for it")
                is_told = True
            time.sleep(_LOOK_AGAIN_SECONDS)
        yield
        connection.commit()
    finally:
        connection.rollback()  # harmless after the commit


def _has_lock(connection: Connection) -> bool:
    if connection.dialect.name == "postgresql":
        # Whoever reads a table is waited for, and meanwhile everybody waits for us.
        connection.execute(select(func.set_config("lock_timeout", LOCK_TIMEOUT, True)))
        return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        connection.rollback()
        if getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            return False
        raise
    return True
