"""The schema: which revision a database has, and whether this program works with that."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Connection, Select, String, Table, column, inspect, select, table

from gateway.database.migrations import HEAD
from gateway.database.migrations.tables_of_0_1 import metadata as tables_of_0_1
from gateway.database.tables import UtcDateTime, metadata
from gateway.errors import SchemaRefused
from gateway.versions import program_version

VERSION_TABLE = "gateway_schema"  # not Alembic's default: the database may be shared, with Prefect's server for one

upgrades = Table(
    "gateway_schema_upgrades",
    metadata,
    Column("revision", String(16), primary_key=True),
    Column("program", String(32), nullable=False),
    Column("upgraded", UtcDateTime, nullable=False),
)
"""Which version of the gateway brought the database to a revision: kept for the sentence that an older one says."""


class SchemaState(StrEnum):
    """What a database is to this program."""

    EMPTY = "empty"
    UNVERSIONED = "unversioned"  # has tables of version 0.1, which knew no revisions
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of a database. `program` and `upgraded` tell who brought it there, where that is known."""

    state: SchemaState
    revision: str | None
    program: str | None = None
    upgraded: datetime | None = None

    def check(self) -> None:
        """Raise DatabaseRefused where this program can neither work with it nor upgrade it."""
        if self.state is SchemaState.NEWER:
            newer = f"gateway {self.program}" if self.program else "a newer gateway"
            raise SchemaRefused(
                f"the database has schema {self.revision}, made by {newer}; this program, gateway {program_version()}, "
                f"works with schema {HEAD}: run the newer program, or go back to a backup from before the upgrade"
            )
        if self.state is SchemaState.UNKNOWN:
            raise SchemaRefused(
                f"the database has schema {self.revision!r}, which no gateway has made as far as this program, gateway "
                f"{program_version()}, knows: look at database.url, and at the table {VERSION_TABLE}"
            )


def read_revision(connection: Connection) -> str | None:
    """Return the revision that a database says it has."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    numbers: Select[str] = select(column("version_num")).select_from(table(VERSION_TABLE))
    return "+".join(sorted(number for (number,) in connection.execute(numbers))) or None


def read_schema(connection: Connection) -> Schema:
    """Return what the database has. Raises DatabaseRefused where tables have names of ours and are others."""
    revision = read_revision(connection)
    if revision is None:
        return Schema(SchemaState.UNVERSIONED if _has_tables_of_0_1(connection) else SchemaState.EMPTY, None)
    made = None
    if inspect(connection).has_table(upgrades.name):
        made = connection.execute(select(upgrades).where(upgrades.c.revision == revision)).one_or_none()
    return Schema(_state(revision), revision, *((made.program, made.upgraded) if made else ()))


def _state(revision: str) -> SchemaState:
    if revision == HEAD:
        return SchemaState.CURRENT
    if not revision.isdecimal() or len(revision) != len(HEAD):
        return SchemaState.UNKNOWN
    return SchemaState.OLDER if revision < HEAD else SchemaState.NEWER


def _has_tables_of_0_1(connection: Connection) -> bool:
    """Whether there are any, which then have the columns of that version: no more and no less."""
    seen = inspect(connection)
    there = [expected for expected in tables_of_0_1.sorted_tables if seen.has_table(expected.name)]
    for expected in there:
        found, wanted = {each["name"] for each in seen.get_columns(expected.name)}, set(expected.columns.keys())
        if found != wanted:
            differences = [f"{name} is missing" for name in sorted(wanted - found)]
            differences += [f"{name} is unknown" for name in sorted(found - wanted)]
            raise SchemaRefused(
                f"the database has no schema revision, and is not one of gateway 0.1 either: in table {expected.name}, "
                f"column {', column '.join(differences)}. Look at database.url, or at what was done to that table"
            )
    return bool(there)
