"""The tables of the exports. They are the truth: a commit here is what an acknowledged request rests on."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid

from gateway.database import UtcDateTime, metadata
from gateway.exports.states import TRANSITIONS
from gateway.work.rows import WorkTable, work_columns


def _export_id() -> Column[object]:
    return Column("export_id", Uuid, ForeignKey("exports.export_id"), primary_key=True)


exports = Table(
    "exports",
    metadata,
    Column("export_id", Uuid, primary_key=True),
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
