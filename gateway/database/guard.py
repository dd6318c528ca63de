"""What stands between the gateway and a schema that is not its own: looked at on the way to the database.

The first connection of a process upgrades what is older, or makes what is missing. From then on each look, at most one
a second, finds out whether a newer program has upgraded the database meanwhile: then every statement is refused.
"""

import math

from sqlalchemy import Connection, Engine, event

from gateway.clock import Clock, SystemClock
from gateway.database.engine import open_unguarded
from gateway.database.failures import database_errors
from gateway.database.migrations import HEAD
from gateway.database.schema import SchemaState, read_revision, read_schema
from gateway.errors import SchemaRefused

_LOOK_SECONDS = 1.0


def open_database(url: str, clock: Clock | None = None, *, may_upgrade: bool = True) -> Engine:
    """Return the engine for an SQLAlchemy address. It connects when it is first used; from then on the schema is ours.

    Raises SettingsError where the address can't be used, or a file is not there that is not to be made. Whoever
    connects gets what SQLAlchemy raises, for `database_errors`, and SchemaRefused for a database that is newer, or not
    one of ours, or older or empty where that is not to be upgraded here.
    """
    engine = open_unguarded(url, may_make=may_upgrade)
    event.listen(engine, "engine_connect", _Guard(clock or SystemClock(), may_upgrade=may_upgrade))
    return engine


def check_database(engine: Engine) -> None:
    """Connect. Raises DatabaseUnavailable and DatabaseRefused, as any use of it would."""
    with database_errors(), engine.connect():
        pass


class _Guard:
    def __init__(self, clock: Clock, *, may_upgrade: bool) -> None:
        self._clock = clock
        self._may_upgrade = may_upgrade
        self._next_look = -math.inf
        self._was_ours = False

    def __call__(self, connection: Connection) -> None:
        if self._clock.monotonic() < self._next_look:
            return
        try:
            self._look(connection)
        except BaseException:
            connection.close()  # nobody else has it yet
            raise
        self._next_look = self._clock.monotonic() + _LOOK_SECONDS

    def _look(self, connection: Connection) -> None:
        revision = read_revision(connection)
        if revision is None and self._was_ours:
            raise SchemaRefused(
                "the database has lost its tables while this process ran, and is not filled anew: put it back, or "
                "start the process again where a new one is meant"
            )
        if revision != HEAD:
            self._bring_up_to_date(connection)
        connection.rollback()
        self._was_ours = True

    def _bring_up_to_date(self, connection: Connection) -> None:
        found = read_schema(connection)
        connection.rollback()
        if found.state is SchemaState.EMPTY and not self._may_upgrade:
            raise SchemaRefused(
                "the database is empty: the first process that needs it makes the tables, and a command that asks does "
                "not. `mig database upgrade` does"
            )
        if found.state in {SchemaState.OLDER, SchemaState.UNVERSIONED} and not self._may_upgrade:
            raise SchemaRefused(
                f"the database has the schema of an older gateway ({found.revision or found.state}, and not {HEAD}). A "
                "command that asks does not upgrade it: `mig database upgrade` does, and each process that starts"
            )
        from gateway.database.upgrade import upgrade

        upgrade(connection)
