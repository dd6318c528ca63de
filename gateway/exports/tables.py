"""The tables of the exports, and what is read from them as what it is.

They are the truth: a commit here is what an acknowledged request rests on.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    Uuid,
    select,
)

from gateway.database import UtcDateTime, metadata, values_of
from gateway.exports.states import (
    TRANSITIONS,
    DestinationRow,
    ExportOrigin,
    ExportRow,
    ExportState,
    FileStatus,
    SendRow,
    SendState,
)
from gateway.work.rows import WorkTable, work_columns


def _export_id() -> Column[object]:
    return Column("export_id", Uuid, ForeignKey("exports.export_id"), primary_key=True)


exports = Table(
    "exports",
    metadata,
    Column("export_id", Uuid, primary_key=True),
    Column("origin", String(16), nullable=False, server_default="request"),
    Column("workflow_instance_id", String(200), nullable=False),
    Column("export_task_id", String(200), nullable=False),
    Column("correlation_id", String(200), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("payload_id", String(200)),
    Column("problem", Text, nullable=False),
    Column("received", UtcDateTime, nullable=False),
    *work_columns(),
    Column("settlements", Integer, nullable=False),
    Column("settled", UtcDateTime),
    Index("exports_by_receipt", "received"),
    Index("exports_by_state", "state", "received"),
    Index("exports_by_payload", "payload_id"),
)

WORK = WorkTable("export", exports, exports.c.export_id, exports.c.received, TRANSITIONS)

destinations = Table(
    "export_destinations",
    metadata,
    _export_id(),
    Column("position", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("output", Integer, nullable=False),
    Column("waits", Boolean, nullable=False),
    Column("away_since", UtcDateTime),
    Column("reason", Text, nullable=False),
    Index("export_destinations_by_name", "name"),
)

files = Table(
    "export_files",
    metadata,
    _export_id(),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),
)

sends = Table(
    "export_sends",
    metadata,
    _export_id(),
    Column("destination", Integer, primary_key=True),
    Column("file", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("file_status", Integer, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_tried", UtcDateTime),
    Column("last_tried", UtcDateTime),
)


def export_row(found: Row[Any]) -> ExportRow:
    values = values_of(found, exports.columns)
    return ExportRow(**values | {"state": ExportState(values["state"]), "origin": ExportOrigin(values["origin"])})


def export_of(connection: Connection, export_id: UUID) -> ExportRow | None:
    found = connection.execute(select(exports).where(exports.c.export_id == export_id)).one_or_none()
    return export_row(found) if found else None


def destinations_of(connection: Connection, export_id: UUID) -> list[DestinationRow]:
    """The destinations in the order of the request."""
    columns = (destinations.c[name] for name in DestinationRow.__slots__)
    wanted = select(*columns).where(destinations.c.export_id == export_id).order_by(destinations.c.position)
    return [DestinationRow(**row._mapping) for row in connection.execute(wanted)]


def paths_of(connection: Connection, export_id: UUID) -> list[str]:
    """The files in the order of the request."""
    wanted = select(files.c.path).where(files.c.export_id == export_id).order_by(files.c.position)
    return list(connection.execute(wanted).scalars())


def sends_of(connection: Connection, export_id: UUID) -> list[SendRow]:
    """Every file at every destination, in the order of the request."""
    names = {row.position: row.name for row in destinations_of(connection, export_id)}
    paths = paths_of(connection, export_id)
    wanted = select(sends).where(sends.c.export_id == export_id).order_by(sends.c.destination, sends.c.file)
    return [
        SendRow(
            names[row.destination],
            paths[row.file],
            SendState(row.state),
            FileStatus(row.file_status),
            row.status,
            row.reason,
            row.attempts,
            row.first_tried,
            row.last_tried,
        )
        for row in connection.execute(wanted)
    ]


def missing_of(connection: Connection, export_id: UUID, destination: int) -> dict[int, str]:
    """The files, by their numbers, that are still to be sent to a destination.

    Those that were tried most often come last: one of them may be why an association broke.
    """
    wanted = (
        select(files.c.position, files.c.path)
        .join(sends, (sends.c.export_id == files.c.export_id) & (sends.c.file == files.c.position))
        .where(
            files.c.export_id == export_id,
            sends.c.destination == destination,
            sends.c.state == SendState.PENDING,
        )
        .order_by(sends.c.attempts, files.c.position)
    )
    return {row.position: row.path for row in connection.execute(wanted)}


def suspects_of(connection: Connection, export_id: UUID, destination: int) -> set[int]:
    """The numbers of the files that were tried there and are still to be sent."""
    wanted = select(sends.c.file).where(
        sends.c.export_id == export_id,
        sends.c.destination == destination,
        sends.c.state == SendState.PENDING,
        sends.c.attempts > 0,
    )
    return set(connection.scalars(wanted))
