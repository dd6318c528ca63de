"""What is read from the tables of the exports, as what it is."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from gateway.database import values_of
from gateway.exports.states import DestinationRow, ExportRow, ExportState, FileStatus, SendRow, SendState
from gateway.exports.tables import destinations, exports, files, sends


def export_row(found: Row[Any]) -> ExportRow:
    values = values_of(found, exports.columns)
    return ExportRow(**values | {"state": ExportState(values["state"])})


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
