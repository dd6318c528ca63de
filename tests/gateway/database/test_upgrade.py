"""Every database that an earlier version has left comes to the schema of this one, without loss."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, Text, Uuid, column, func, insert, select, table, text
from sqlalchemy.exc import IntegrityError

import gateway.associations.tables
import gateway.credentials.key_check
import gateway.database.migrations
import gateway.destinations.circuits
import gateway.events.outbox
import gateway.exports.tables
import gateway.inference.tables
import gateway.payloads.addresses
import gateway.payloads.announcements
import gateway.payloads.lookups
import gateway.payloads.rows
import gateway.payloads.studies
import gateway.work.commands
import gateway.work.waiting
from gateway.clock import Clock, SystemClock
from gateway.database import UtcDateTime, database_errors, metadata, open_database, open_unguarded
from gateway.database.migrations import HEAD
from gateway.database.migrations.tables_of_0_1 import metadata as tables_of_0_1
from gateway.database.schema import VERSION_TABLE, SchemaState, read_schema
from gateway.database.upgrade import _alembic, upgrade
from gateway.errors import DatabaseRefused, DatabaseUnavailable, GatewayError
from gateway.events.outbox import Outbox
from gateway.payloads.finding import PayloadFilter
from gateway.payloads.index import PayloadIndex
from gateway.payloads.rows import row_of
from gateway.versions import program_version
from gateway.work.rows import NEW_WORK
from tests.clock import MovableClock
from tests.deployments.payloads import made_payload
from tests.fixtures.kept import Kept, every_version
from tests.gateway.associations.records import stored
from tests.gateway.exports.scene import Publisher

NODE = uuid4()


@contextmanager
def opened(url: str, clock: Clock | None = None) -> Iterator[Engine]:
    engine = open_database(url, clock or SystemClock())
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Look, or change something behind the gateway's back."""
    engine = open_unguarded(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def differences(connection: Connection) -> list[Any]:
    """What a database has otherwise than the gateway's tables say."""
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


@contextmanager
def in_the_way_of_the_last_step(kept: Kept, url: str) -> Iterator[None]:
    """The name that SQLite needs is taken; in PostgreSQL somebody reads the table, and is not waited for for long."""
    if kept.database == "postgresql":
        with connected(url) as other:
            other.execute(text("SELECT * FROM inference_requests")).all()
            yield
        return
    with connected(url) as connection:
        connection.execute(text("CREATE TABLE _alembic_tmp_inference_requests (colour TEXT)"))
    yield
    with connected(url) as connection:
        connection.execute(text("DROP TABLE _alembic_tmp_inference_requests"))


def columns(url: str) -> dict[str, list[str]]:
    with connected(url) as connection:
        found = MetaData()
        found.reflect(connection)
    return {table.name: table.columns.keys() for table in found.sorted_tables if not table.name.startswith("_")}


def rows(url: str) -> dict[str, int]:
    """How many rows the tables of 0.1 have."""
    with connected(url) as connection:
        counts = {name: select(func.count()).select_from(text(name)) for name in tables_of_0_1.tables}
        return {name: connection.execute(count).scalar_one() for name, count in counts.items()}


def test_the_revision_of_this_program_is_the_last_of_the_history() -> None:
    config = Config()
    config.set_main_option("script_location", gateway.database.migrations.__path__[0])
    script = ScriptDirectory.from_config(config)
    history = [each.revision for each in script.walk_revisions()][::-1]
    assert script.get_heads() == [HEAD]
    assert history == [f"{number:04}" for number in range(1, int(HEAD) + 1)]


def test_a_new_database_has_the_tables_of_this_program(new_url: str) -> None:
    with opened(new_url) as engine, engine.connect() as connection:
        assert differences(connection) == []
        assert read_schema(connection).state is SchemaState.CURRENT


@every_version
def test_a_database_of_every_version_gets_the_tables_of_this_program(kept: Kept, url: str) -> None:
    before = rows(url)
    with opened(url) as engine, engine.connect() as connection:
        assert differences(connection) == []
    assert rows(url) == before | {"payloads": before["payloads"] + 1}  # that of the request that was completed
    assert all(before.values())


def test_events_of_a_database_that_had_no_turns_keep_their_order(new_url: str) -> None:
    """One that an operator had said again waits behind those of before."""
    event = {"routing_key": "k", "type": "t", "correlation_id": "c", "body": "{}"}
    eleven, twelve, one = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (11, 12, 13))
    with connected(new_url) as connection:
        command.upgrade(_alembic(connection), "0010")
        texts = [column(name, Text) for name in ("routing_key", "type", "correlation_id", "body", "about")]
        times = column("timestamp", UtcDateTime), column("again", UtcDateTime)
        outbox = table("outbox", column("message_id", Uuid), *times, *texts)
        for about, timestamp, again in (("said again", eleven, one), ("said once", twelve, None)):
            values = {"message_id": uuid4(), "about": about, "timestamp": timestamp, "again": again}
            connection.execute(insert(outbox).values(event | values))
    with opened(new_url) as engine, engine.connect() as connection:
        assert differences(connection) == []
    publisher = Publisher()
    with opened(new_url) as engine:
        while Outbox(engine).publish_next(publisher, datetime.now(UTC)):
            pass
    assert [(each.about, each.again is not None) for each in publisher.published] == [
        ("said once", False),
        ("said again", True),
    ]


def test_payloads_of_a_database_that_had_no_addresses_are_found_by_them(new_url: str) -> None:
    """Each once, and in order; one that is still open is, when it is closed."""
    early, late = hours = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (10, 11)]
    closed, still_open = [made_payload(NODE).model_copy(update={"closed": hour}) for hour in hours], made_payload(NODE)
    fed = [(uuid4(), "10.1.0.17", payload) for payload in (*closed, closed[0], still_open)]
    with connected(new_url) as connection:
        command.upgrade(_alembic(connection), "0012")
        rows = [NEW_WORK | asdict(row_of(payload)) for payload in closed]
        connection.execute(insert(gateway.payloads.rows.payloads), rows)
        came = insert(gateway.associations.tables.associations)
        for key, address, payload in fed:
            of_it = asdict(stored(association_id=key, address=address))
            moments = {"began": early, "last_known": late, "node_id": NODE, "refuses": False}
            unknown = {"payload_ids", "began_ns", "ended_ns"}
            connection.execute(came, {name: of_it[name] for name in of_it if name not in unknown} | moments)
            connection.execute(
                insert(table("association_payloads", column("association_id", Uuid), column("payload_id", Uuid))),
                {"association_id": key, "payload_id": payload.payload_id},
            )
    with opened(new_url) as engine, engine.connect() as connection:
        assert differences(connection) == []
    with opened(new_url) as engine:
        index, wanted = PayloadIndex(engine), PayloadFilter(source="10.1.0.17")
        newest = [payload.payload_id for payload in reversed(closed)]
        assert [row.payload_id for row in index.newest(9, wanted)] == newest
        index.record(still_open)
        assert [row.payload_id for row in index.newest(9, wanted)] == [still_open.payload_id, *newest]


@every_version
def test_a_dispatcher_of_before_takes_no_association_in_without_its_address(kept: Kept, url: str) -> None:
    with opened(url) as engine, engine.connect():
        pass
    with pytest.raises(DatabaseRefused, match="association_payloads"), database_errors(), connected(url) as connection:
        connection.execute(text("INSERT INTO association_payloads VALUES ('0', '0')"))


@every_version
def test_processes_that_start_together_upgrade_it_once(kept: Kept, url: str) -> None:
    engines = [open_unguarded(url) for _ in range(6)]
    start = threading.Barrier(len(engines))

    def take_part(engine: Engine) -> SchemaState:
        with engine.connect() as connection:
            start.wait(20)
            return upgrade(connection).state

    with ThreadPoolExecutor(len(engines)) as threads:
        found = list(threads.map(take_part, engines))
    assert sorted(found) == sorted([SchemaState.UNVERSIONED] + [SchemaState.CURRENT] * 5)
    for engine in engines:
        engine.dispose()


@every_version
def test_who_upgrades_for_too_long_is_said_to_be_in_the_way(kept: Kept, url: str) -> None:
    with connected(url) as other:
        if kept.database == "sqlite":
            other.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            other.execute(text("SELECT pg_advisory_xact_lock(x'4d494701'::int)"))
        engine = open_unguarded(url)
        with engine.connect() as connection:
            if kept.database == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout = 50")
            with pytest.raises(DatabaseUnavailable, match="another process has upgraded it"):
                upgrade(connection, longest_wait_seconds=0.1)
        engine.dispose()
    with opened(url) as engine, engine.connect() as connection:
        assert read_schema(connection).revision == HEAD


@every_version
def test_an_upgrade_that_breaks_off_leaves_everything_as_it_was(
    kept: Kept, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = columns(url)
    monkeypatch.setattr(gateway.database.upgrade, "LOCK_TIMEOUT", "100ms")
    with in_the_way_of_the_last_step(kept, url), pytest.raises(GatewayError), database_errors(), opened(url) as engine:
        engine.connect()
    assert columns(url) == before
    with opened(url) as engine, engine.connect() as connection:
        assert differences(connection) == []


@every_version
def test_a_process_of_0_1_is_kept_out_of_an_upgraded_database(kept: Kept, url: str) -> None:
    """It knows no revisions: what it would write is refused by the names of columns, in each of the three kinds."""
    with opened(url) as engine, engine.connect():
        pass
    old = ("UPDATE payloads SET attempt = 2", "UPDATE exports SET epoch = 2", "UPDATE inference_requests SET epoch = 2")
    for statement in old:
        with pytest.raises(DatabaseRefused, match=r"attempt|epoch"), database_errors(), connected(url) as connection:
            connection.execute(text(statement))


def test_a_database_of_0_1_may_lack_tables_that_nobody_has_used_yet(new_url: str) -> None:
    with connected(new_url) as connection:
        tables_of_0_1.tables["payloads"].create(connection)
    with opened(new_url) as engine, engine.connect() as connection:
        assert differences(connection) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("ALTER TABLE exports DROP COLUMN releases", "in table exports, column releases is missing"),
        ("ALTER TABLE exports ADD COLUMN colour TEXT", "in table exports, column colour is unknown"),
    ],
)
def test_tables_with_our_names_that_are_others_are_refused_by_name(new_url: str, change: str, reason: str) -> None:
    with connected(new_url) as connection:
        tables_of_0_1.create_all(connection)
        connection.execute(text(change))
    with pytest.raises(DatabaseRefused, match=f"not one of gateway 0.1 either: {reason}"), opened(new_url) as engine:
        engine.connect()


def test_a_database_that_is_newer_is_refused_with_both_versions(new_url: str) -> None:
    with opened(new_url) as engine, engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9001'"))
        connection.execute(text("UPDATE gateway_schema_upgrades SET revision = '9001', program = '7.3.0'"))
    with pytest.raises(DatabaseRefused) as refused, opened(new_url) as engine:
        engine.connect()
    assert "has schema 9001, made by gateway 7.3.0; this program, gateway" in str(refused.value)
    assert f"{program_version()}, works with schema {HEAD}: run the newer program" in str(refused.value)


def test_a_process_notices_within_a_second_that_a_newer_one_has_upgraded(new_url: str) -> None:
    clock = MovableClock()
    with opened(new_url, clock) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9001'"))
        clock.move(1)
        with pytest.raises(DatabaseRefused, match="has schema 9001, made by a newer gateway"):
            engine.connect()


def test_a_database_that_is_emptied_under_a_process_is_not_filled_anew(new_url: str) -> None:
    clock = MovableClock()
    with opened(new_url, clock) as engine:
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
        clock.move(1)
        with pytest.raises(DatabaseRefused, match="has lost its tables"):
            engine.connect()


def test_a_revision_that_nobody_knows_is_refused(new_url: str) -> None:
    with opened(new_url) as engine, engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'ae12f'"))
    with (
        pytest.raises(DatabaseRefused, match="has schema 'ae12f', which no gateway"),
        opened(new_url) as engine,
    ):
        engine.connect()


def test_another_program_may_keep_its_own_history_in_the_same_database(new_url: str) -> None:
    """As Prefect's server does, by Alembic's default name."""
    with connected(new_url) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('c0ffee')"))
    with opened(new_url) as engine, engine.connect() as connection:
        assert read_schema(connection).revision == HEAD
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "c0ffee"


@every_version
def test_foreign_keys_still_hold_after_an_upgrade(kept: Kept, url: str) -> None:
    with opened(url) as engine, engine.connect() as connection:
        if kept.database == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            connection.commit()
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        orphan = "INSERT INTO export_files VALUES ('00000000000000000000000000000000', 0, 'k')"
        with pytest.raises(IntegrityError):
            connection.execute(text(orphan))
