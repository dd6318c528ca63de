"""The tables as version 0.1 made them. Never changed: what a database without a revision is compared with."""

import sqlalchemy as sa

metadata = sa.MetaData()
_Moment = sa.DateTime(timezone=True)

sa.Table(
    "payloads",
    metadata,
    sa.Column("payload_id", sa.Uuid, primary_key=True),
    sa.Column("node_id", sa.Uuid, nullable=False),
    sa.Column("called_ae", sa.String(64), nullable=False),
    sa.Column("calling_ae", sa.String(64), nullable=False),
    sa.Column("service", sa.Integer, nullable=False),
    sa.Column("instances", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("opened", _Moment, nullable=False),
    sa.Column("closed", _Moment, nullable=False),
    sa.Column("closed_by", sa.String(32), nullable=False),
    sa.Column("supplements", sa.Uuid),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("flow_run_id", sa.Uuid),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("announced", _Moment),
    sa.Index("payloads_by_closing", "closed"),
    sa.Index("payloads_by_node", "node_id", "state"),
)

sa.Table(
    "exports",
    metadata,
    sa.Column("export_id", sa.Uuid, primary_key=True),
    sa.Column("workflow_instance_id", sa.String(200), nullable=False),
    sa.Column("export_task_id", sa.String(200), nullable=False),
    sa.Column("correlation_id", sa.String(200), nullable=False),
    sa.Column("agent", sa.String(64), nullable=False),
    sa.Column("payload_id", sa.String(200)),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("received", _Moment, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("next_try", _Moment),
    sa.Column("away_since", _Moment),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("flow_run_id", sa.Uuid),
    sa.Column("wanted", sa.String(8)),
    sa.Column("releases", sa.Integer, nullable=False),
    sa.Column("released", _Moment),
    sa.Column("settlements", sa.Integer, nullable=False),
    sa.Column("settled", _Moment),
    sa.Index("exports_by_receipt", "received"),
    sa.Index("exports_by_state", "state", "received"),
    sa.Index("exports_by_wanted", "wanted"),
)


def _export_id() -> sa.Column[object]:
    return sa.Column("export_id", sa.Uuid, sa.ForeignKey("exports.export_id"), primary_key=True)


sa.Table(
    "export_destinations",
    metadata,
    _export_id(),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("output", sa.Integer, nullable=False),
    sa.Column("waits", sa.Boolean, nullable=False),
    sa.Column("away_since", _Moment),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("export_destinations_by_name", "name"),
)

sa.Table(
    "export_files",
    metadata,
    _export_id(),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
)

sa.Table(
    "export_sends",
    metadata,
    _export_id(),
    sa.Column("destination", sa.Integer, primary_key=True),
    sa.Column("file", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("file_status", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("first_tried", _Moment),
    sa.Column("last_tried", _Moment),
)

sa.Table(
    "outbox",
    metadata,
    sa.Column("message_id", sa.Uuid, primary_key=True),
    sa.Column("routing_key", sa.String(200), nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("correlation_id", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("timestamp", _Moment, nullable=False),
    sa.Column("about", sa.String(200), nullable=False),
    sa.Column("claimed_until", _Moment),
    sa.Column("published", _Moment),
    sa.Index("outbox_by_publication", "published", "timestamp"),
)

sa.Table(
    "destination_circuits",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("trips", sa.Integer, nullable=False),
    sa.Column("opened", _Moment),
    sa.Column("next_probe", _Moment),
    sa.Column("reason", sa.Text, nullable=False),
)

sa.Table(
    "inference_requests",
    metadata,
    sa.Column("request_id", sa.Uuid, primary_key=True),
    sa.Column("transaction_id", sa.String(255), nullable=False, unique=True),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("had_credentials", sa.Boolean, nullable=False),
    sa.Column("sources_sealed", sa.LargeBinary),
    sa.Column("outputs_sealed", sa.LargeBinary),
    sa.Column("outputs_until", _Moment),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created", _Moment, nullable=False),
    sa.Column("started", _Moment),
    sa.Column("ended", _Moment),
    sa.Column("next_try", _Moment),
    sa.Column("waiting_since", _Moment),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("flow_run_id", sa.Uuid),
    sa.Column("outcome", sa.Text),
    sa.Column("partial", sa.Boolean, nullable=False),
    sa.Column("uploaded", _Moment),
    sa.Index("inference_requests_by_creation", "created"),
    sa.Index("inference_requests_by_state", "state", "ended"),
)

sa.Table(
    "inference_payloads",
    metadata,
    sa.Column("request_id", sa.Uuid, primary_key=True),
    sa.Column("payload_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

sa.Table(
    "inference_key",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("fingerprint", sa.String(16), nullable=False),
)
