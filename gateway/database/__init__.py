"""The gateway's database, SQLite or PostgreSQL: the truth for requests and exports, an index for what was received.

engine      connections whose commits survive a power cut
guard       the schema is this program's, or the database is refused
watch       a process ends when it is no more
schema      which revision a database has, and what that means
upgrade     from there to this program's, by `migrations/`
tables      the MetaData that every room registers its tables on
ids         by their beginnings
totals      what was counted, whichever rows are gone
failures    what is away and what is refused, by the database's own codes
"""

from gateway.database.engine import check_address, open_unguarded
from gateway.database.failures import database_errors
from gateway.database.guard import check_database, open_database
from gateway.database.ids import begins, ids_beginning
from gateway.database.tables import UtcDateTime, metadata, values_of
from gateway.database.watch import ending_with_schema

__all__ = [
    "UtcDateTime",
    "begins",
    "check_address",
    "check_database",
    "database_errors",
    "ending_with_schema",
    "ids_beginning",
    "metadata",
    "open_database",
    "open_unguarded",
    "values_of",
]
