"""What waits and what operators ask for have tables of their own, for every kind of work.

An export that waits said so by flags and dates in several columns, a request by the sentence that operators read. What
they waited for is taken over; so is what operators had asked of exports. Runs of payloads said it to Prefect alone:
those that wait at the upgrade start by themselves, within a quarter of an hour.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_Moment = sa.DateTime(timezone=True)
_PARTS = {"a source": "source", "the object store": "object-store", "the event broker": "events"}


def upgrade() -> None:
    waits, commands = _new_tables()
    _add_to_payloads()
    _rename_run_numbers()
    _take_over_exports(waits, commands)
    _take_over_requests(waits)
    op.drop_index("exports_by_wanted", "exports")
    with op.batch_alter_table("exports") as batch:
        for column in ("wanted", "away_since", "releases", "released"):
            batch.drop_column(column)


def _new_tables() -> tuple[sa.Table, sa.Table]:
    waits = op.create_table(
        "work_waits",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("work_id", sa.Uuid, primary_key=True),
        sa.Column("dependency", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("since", _Moment, nullable=False),
        sa.Column("next_try", _Moment),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("releases", sa.Integer, nullable=False),
        sa.Column("not_before", _Moment),
    )
    op.create_index("work_waits_by_part", "work_waits", ["dependency", "name", "since"])
    commands = op.create_table(
        "operator_commands",
        sa.Column("command_id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("work_id", sa.Uuid, nullable=False),
        sa.Column("command", sa.String(16), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked", _Moment, nullable=False),
        sa.Column("claimed_until", _Moment),
        sa.Column("done", _Moment),
        sa.Column("carried_out", sa.Boolean),
        sa.Column("outcome", sa.Text, nullable=False),
    )
    op.create_index("operator_commands_by_completion", "operator_commands", ["done", "asked"])
    op.create_index("operator_commands_by_work", "operator_commands", ["kind", "work_id"])
    return waits, commands


def _add_to_payloads() -> None:
    with op.batch_alter_table("payloads") as batch:
        batch.add_column(sa.Column("message", sa.Text, nullable=False, server_default=""))
        batch.add_column(sa.Column("next_try", _Moment))
        batch.add_column(sa.Column("fencing_token", sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("payloads") as batch:  # the defaults were for the rows that were there
        batch.alter_column("message", server_default=None, existing_type=sa.Text(), existing_nullable=False)
        batch.alter_column("fencing_token", server_default=None, existing_type=sa.Integer(), existing_nullable=False)


def _rename_run_numbers() -> None:
    for name in ("exports", "inference_requests"):
        with op.batch_alter_table(name) as batch:
            batch.alter_column(
                "attempt", new_column_name="run_number", existing_type=sa.Integer(), existing_nullable=False
            )


def _take_over_exports(waits: sa.Table, commands: sa.Table) -> None:
    exports = sa.table(
        "exports",
        *map(sa.column, ("export_id", "state", "message", "next_try", "received", "away_since", "wanted", "releases")),
    )
    places = sa.table("export_destinations", *map(sa.column, ("export_id", "name", "waits", "away_since", "reason")))
    is_waiting = exports.c.state == "waiting"
    for_part = [
        sa.literal("export"),
        exports.c.export_id,
        sa.literal("object-store"),
        sa.literal(""),
        exports.c.away_since,
        exports.c.next_try,
        exports.c.message,
        exports.c.releases,
        sa.null(),
    ]
    _insert(waits, sa.select(*for_part).where(is_waiting, exports.c.away_since.is_not(None)))
    since = sa.func.min(sa.func.coalesce(places.c.away_since, exports.c.received))
    reason = sa.func.min(places.c.reason)
    # What is only tried again, and not known to be away, keeps its own time.
    not_before = sa.case((sa.func.max(sa.case((places.c.waits, 1), else_=0)) == 1, sa.null()), else_=exports.c.next_try)
    for_places = [
        sa.literal("export"),
        exports.c.export_id,
        sa.literal("destination"),
        places.c.name,
        since,
        exports.c.next_try,
        reason,
        exports.c.releases,
        not_before,
    ]
    joined = exports.join(places, exports.c.export_id == places.c.export_id)
    waiting_there = is_waiting & exports.c.away_since.is_(None) & places.c.away_since.is_not(None)
    grouped = (exports.c.export_id, places.c.name, exports.c.next_try, exports.c.releases)
    _insert(waits, sa.select(*for_places).select_from(joined).where(waiting_there).group_by(*grouped))
    asked = [
        exports.c.export_id,
        sa.literal("export"),
        exports.c.export_id,
        exports.c.wanted,
        sa.literal("an earlier version"),
        sa.func.coalesce(exports.c.next_try, exports.c.received),
        sa.literal(""),
    ]
    names = ["command_id", "kind", "work_id", "command", "asked_by", "asked", "outcome"]
    op.execute(sa.insert(commands).from_select(names, sa.select(*asked).where(exports.c.wanted.is_not(None))))


def _take_over_requests(waits: sa.Table) -> None:
    requests = sa.table(
        "inference_requests",
        *map(sa.column, ("request_id", "state", "message", "next_try", "created", "waiting_since")),
    )
    since = sa.func.coalesce(requests.c.waiting_since, requests.c.created)
    for words, dependency in _PARTS.items():
        says_so = (requests.c.state == "waiting") & requests.c.message.startswith(f"Waits for {words}: ")
        row = [
            sa.literal("request"),
            requests.c.request_id,
            sa.literal(dependency),
            sa.literal(""),
            since,
            requests.c.next_try,
            requests.c.message,
            sa.literal(0),
            sa.null(),
        ]
        _insert(waits, sa.select(*row).where(says_so))


def _insert(waits: sa.Table, rows: sa.Select[Any]) -> None:
    op.execute(sa.insert(waits).from_select([column.name for column in waits.columns], rows))
