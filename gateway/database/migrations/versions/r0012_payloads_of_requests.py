"""What inference requests became stands among the payloads, those that are announced already with them."""

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_Moment = sa.DateTime(timezone=True)
_LONGEST_MODALITIES = 200


def _columns(**columns: Any) -> list[sa.ColumnClause[Any]]:
    return [sa.column(name, kind) for name, kind in columns.items()]


_moments = dict.fromkeys(("opened", "closed", "last_received", "uploaded", "announced"), _Moment)
_texts = dict.fromkeys(("called_ae", "calling_ae", "closed_by", "state", "message"), sa.String)
_numbers = dict.fromkeys(("service", "instances", "bytes", "resources", "run_number", "fencing_token"), sa.BigInteger)
_ids = dict.fromkeys(("payload_id", "node_id", "flow_run_id", "request_id"), sa.Uuid)
_payloads = sa.table("payloads", *_columns(**_ids, **_texts, **_numbers, **_moments, partial=sa.Boolean))
_studies = sa.table(
    "payload_studies",
    *_columns(payload_id=sa.Uuid, study_instance_uid=sa.String, modalities=sa.String),
    *_columns(series=sa.Integer, instances=sa.Integer),
)
_requests = sa.table(
    "inference_requests",
    *_columns(request_id=sa.Uuid, flow_run_id=sa.Uuid, state=sa.String, run_number=sa.Integer),
    *_columns(uploaded=_Moment, ended=_Moment),
)
_kept = sa.table("inference_payloads", *_columns(request_id=sa.Uuid, payload_id=sa.Uuid, content=sa.LargeBinary))


def upgrade() -> None:
    with op.batch_alter_table("payloads") as batch:
        batch.add_column(sa.Column("request_id", sa.Uuid))
        batch.add_column(sa.Column("resources", sa.Integer, nullable=False, server_default="0"))
        batch.add_column(sa.Column("partial", sa.Boolean, nullable=False, server_default=sa.false()))
    connection = op.get_bind()
    completed = sa.select(_requests.c.request_id).where(_requests.c.state == "completed")
    for request_id in connection.execute(completed).scalars().all():
        _list(connection, request_id)


def _list(connection: sa.Connection, request_id: UUID) -> None:
    """One record at a time: that of a large request is megabytes."""
    both = _requests.join(_kept, _requests.c.request_id == _kept.c.request_id)
    wanted = sa.select(_requests, _kept.c.payload_id, _kept.c.content).select_from(both)
    request = connection.execute(wanted.where(_requests.c.request_id == request_id)).one_or_none()
    if request is None:
        return
    record = json.loads(zlib.decompress(request.content))
    connection.execute(sa.insert(_payloads).values(_row(request, record)))
    if studies := list(_studies_of(record)):
        connection.execute(sa.insert(_studies), [study | {"payload_id": request.payload_id} for study in studies])


def _row(request: sa.Row[Any], record: dict[str, Any]) -> dict[str, Any]:
    files = [*record["instances"], *record["resources"]]
    received = [each["received_ns"] for each in files]
    origin = record["requested_by"]
    return {
        "payload_id": request.payload_id,
        "node_id": UUID(record["node"]),
        "called_ae": origin["destination"],
        "calling_ae": origin["source"],
        "service": origin["service"],
        "instances": len(record["instances"]),
        "resources": len(record["resources"]),
        "bytes": sum(each["bytes"] for each in files),
        "opened": _moment_of(min(received)),
        "last_received": _moment_of(max(received)),
        "closed": datetime.fromisoformat(record["closed"]),
        "closed_by": record["closed_by"],
        "state": "announced",
        "message": "",
        "run_number": request.run_number,
        "fencing_token": 0,
        "flow_run_id": request.flow_run_id,
        "uploaded": request.uploaded,
        "announced": request.ended,
        "request_id": request.request_id,
        "partial": record["partial"],
    }


def _studies_of(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    def uid(instance: dict[str, Any]) -> str:
        return str(instance["study_instance_uid"])

    for study, grouped in groupby(sorted(record["instances"], key=uid), key=uid):
        instances = list(grouped)
        modalities = "\\".join(sorted({each["modality"] for each in instances if each["modality"]}))
        yield {
            "study_instance_uid": study,
            "series": len({each["series_instance_uid"] for each in instances}),
            "instances": len(instances),
            "modalities": modalities[:_LONGEST_MODALITIES],
        }


def _moment_of(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
