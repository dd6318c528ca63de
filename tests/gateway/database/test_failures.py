"""What a database says of itself decides: waiting can help, or somebody has to act. Real databases, on both kinds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, QueuePool, create_engine, text

from gateway.database import database_errors, open_unguarded
from gateway.errors import DatabaseRefused, DatabaseUnavailable
from tests.peers.postgresql import PostgreSQL

PATIENT = "DOE^JANE"


@pytest.fixture
def engine(new_url: str) -> Iterator[Engine]:
    """A database with one table, which knows one name."""
    engine = open_unguarded(new_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE known (name VARCHAR(20) PRIMARY KEY, number INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO known VALUES (:name, 1)"), {"name": PATIENT})
    yield engine
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite file with one table."""
    file = tmp_path / "gateway.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE known (name VARCHAR(20) PRIMARY KEY)")
    return file


@pytest.fixture
def sqlite(file: Path) -> Iterator[Connection]:
    engine = open_unguarded(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        yield connection
    engine.dispose()


def use(engine: Engine, statement: str = "SELECT 1", **values: object) -> None:
    with database_errors(), engine.begin() as connection:
        connection.execute(text(statement), values)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("SELECT colour FROM known", "colour"),
        ("SELECT * FROM unknown", "unknown"),
        ("SELEKT 1", "SELEKT"),
        ("INSERT INTO known VALUES (:name, NULL)", "number"),
        ("INSERT INTO known VALUES (:name, 2)", "known"),
    ],
)
def test_what_it_refuses_is_named_and_quotes_nobody(engine: Engine, statement: str, named: str) -> None:
    with pytest.raises(DatabaseRefused, match=named) as refused:
        use(engine, statement, **({"name": PATIENT} if ":name" in statement else {}))
    assert PATIENT not in str(refused.value)


def test_a_dropped_column_is_named_not_waited_for(engine: Engine) -> None:
    use(engine, "ALTER TABLE known DROP COLUMN number")
    with pytest.raises(DatabaseRefused, match=r"the database refuses: .*number"):
        use(engine, "SELECT number FROM known")


def test_no_connection_left_to_take_is_waited_for(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/gateway.db", poolclass=QueuePool, pool_size=1, max_overflow=0)
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]
    with engine.connect(), pytest.raises(DatabaseUnavailable, match="in use"):
        use(engine)
    engine.dispose()


def test_sqlite_that_another_process_has_locked_is_waited_for(file: Path, sqlite: Connection) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailable, match="not answer: database is locked"), database_errors():
            sqlite.execute(text("INSERT INTO known VALUES ('a')"))


def test_sqlite_without_room_is_waited_for(sqlite: Connection) -> None:
    sqlite.exec_driver_sql("PRAGMA max_page_count = 3")
    names = [{"name": f"{number:020}"} for number in range(1000)]
    with pytest.raises(DatabaseUnavailable, match="full"), database_errors():
        sqlite.execute(text("INSERT INTO known VALUES (:name)"), names)


def test_sqlite_that_may_not_be_written_is_refused(sqlite: Connection) -> None:
    sqlite.exec_driver_sql("PRAGMA query_only = 1")
    with pytest.raises(DatabaseRefused, match="readonly"), database_errors():
        sqlite.execute(text("INSERT INTO known VALUES ('a')"))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"no database at all" * 100)
    engine = open_unguarded(f"sqlite:///{tmp_path}/gateway.db")
    with pytest.raises(DatabaseRefused, match="not a database"):
        use(engine)
    engine.dispose()


def test_a_directory_in_place_of_the_file_is_waited_for_as_a_mount_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").mkdir()
    engine = open_unguarded(f"sqlite:///{tmp_path}/gateway.db")
    with pytest.raises(DatabaseUnavailable, match="unable to open"):
        use(engine)
    engine.dispose()


@pytest.fixture
def server(postgresql: PostgreSQL) -> Iterator[Engine]:
    engine = open_unguarded(postgresql.url(postgresql.new_database(), "psycopg"))
    yield engine
    engine.dispose()


def as_user(postgresql: PostgreSQL, server: Engine, options: str = "") -> Engine:
    """A role that only this test has, in the same database."""
    database = server.url.database
    assert database
    with server.begin() as connection:
        connection.execute(text(f'CREATE ROLE "{database}" LOGIN {options}'))
    return create_engine(server.url.set(username=database))


def test_postgresql_that_is_stopped_is_waited_for(postgresql: PostgreSQL, server: Engine) -> None:
    use(server)
    postgresql.server.stop()
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        use(server)
    postgresql.server.start()
    use(server)


def test_a_connection_that_an_administrator_ends_is_waited_for(server: Engine) -> None:
    with server.connect() as connection:
        ours = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        use(server, "SELECT pg_terminate_backend(:ours)", ours=ours)
        with pytest.raises(DatabaseUnavailable), database_errors():
            connection.execute(text("SELECT 1"))


def test_a_full_server_is_waited_for(postgresql: PostgreSQL, server: Engine) -> None:
    limited = as_user(postgresql, server, "CONNECTION LIMIT 1")
    with limited.connect(), pytest.raises(DatabaseUnavailable, match="too many connections"):
        use(limited)
    use(limited)
    limited.dispose()


def test_a_lock_that_is_not_had_in_time_is_waited_for(server: Engine) -> None:
    use(server, "CREATE TABLE taken (number INTEGER)")
    with server.begin() as other, server.connect() as connection:
        other.execute(text("LOCK TABLE taken"))
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(DatabaseUnavailable, match="lock timeout"), database_errors():
            connection.execute(text("SELECT * FROM taken"))


def test_a_role_without_permission_is_refused(postgresql: PostgreSQL, server: Engine) -> None:
    use(server, "CREATE TABLE closed (number INTEGER)")
    stranger = as_user(postgresql, server)
    with pytest.raises(DatabaseRefused, match="permission denied for table closed"):
        use(stranger, "SELECT * FROM closed")
    stranger.dispose()


def test_a_database_or_a_role_that_is_not_there_is_refused_by_name(server: Engine) -> None:
    for wrong in (server.url.set(database="nobody"), server.url.set(username="nobody")):
        engine = create_engine(wrong)
        with pytest.raises(DatabaseRefused, match='"nobody" does not exist'):
            use(engine)
        engine.dispose()


def test_a_value_of_the_wrong_type_is_refused_without_the_value(server: Engine) -> None:
    with pytest.raises(DatabaseRefused) as refused:
        use(server, "SELECT CAST(:name AS INTEGER)", name=PATIENT)
    assert PATIENT not in str(refused.value)
