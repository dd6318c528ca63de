"""What the database raises, turned into ours by its own codes: does it not answer just now, or does it refuse?

`DatabaseUnavailable` is only for a database that does not answer, or can't just now: unreachable, starting, shutting
down, locked, out of connections, memory or disk. Anything else is `DatabaseRefused`: somebody has to act. Its text
names the cause, and no value: neither what a statement was given nor what a row holds.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime

from gateway.errors import DatabaseRefused, DatabaseUnavailable, GatewayError

_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
_PRIMARY = 0xFF  # of an extended result code

# Classes and codes of PostgreSQL's Appendix A
_UNAVAILABLE_CLASSES = ("08", "40", "53", "57", "58")  # connection, rollback, resources, operator, system
_UNAVAILABLE_CODES = {
    "25006",  # read-only transaction: a server that has become a standby
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
    "55006",  # object_in_use
    "55P03",  # lock_not_available
}
_QUOTING_CLASSES = ("22", "23")  # data exception, integrity constraint violation: their text has values

# A connection that is refused has no code, but what the server said is in its text, in the server's language.
_REFUSED_AT_THE_DOOR = (
    "password authentication failed",
    "no password supplied",
    "authentication failed for user",
    "no pg_hba.conf entry",
    "permission denied for database",
    "is not permitted to log in",
    "does not exist",
)


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable and DatabaseRefused for what the database raises."""
    try:
        yield
    except NoConnectionInTime as error:
        raise DatabaseUnavailable("the database does not answer: every connection to it is in use") from error
    except DBAPIError as error:
        raise _our_error(error) from error
    except SQLAlchemyError as error:
        raise DatabaseRefused(f"the database can't be used as it is meant to ({type(error).__name__})") from error


def _our_error(error: DBAPIError) -> GatewayError:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        is_away, text = _is_away_in_sqlite(cause), _first_line(cause)
    else:
        is_away, text = _is_away_in_postgresql(error), _without_values(error)
    if is_away:
        return DatabaseUnavailable(f"the database does not answer: {text}")
    return DatabaseRefused(f"the database refuses: {text}")


def _is_away_in_sqlite(error: sqlite3.Error) -> bool:
    # Absent where the module itself has found the fault, in how it is used.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY in _SQLITE_UNAVAILABLE


def _is_away_in_postgresql(error: DBAPIError) -> bool:
    code = _sqlstate(error)
    if code is None:
        is_of_connection = isinstance(error, OperationalError | InterfaceError)
        return is_of_connection and not any(words in str(error.orig) for words in _REFUSED_AT_THE_DOOR)
    return code.startswith(_UNAVAILABLE_CLASSES) or code in _UNAVAILABLE_CODES


def _without_values(error: DBAPIError) -> str:
    code, cause = _sqlstate(error), error.orig
    if code is None or not code.startswith(_QUOTING_CLASSES):
        return _first_line(cause)
    about = getattr(cause, "diag", None)
    names = [getattr(about, name, None) for name in ("constraint_name", "table_name", "column_name")]
    return " ".join([type(cause).__name__, *filter(None, names)])


def _sqlstate(error: DBAPIError) -> str | None:
    found: str | None = getattr(error.orig, "sqlstate", None)
    return found


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
