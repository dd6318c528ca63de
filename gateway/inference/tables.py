"""The tables of inference requests: what was asked for, how far it has come, and what it became."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
)

from gateway.acr.rules import MOST_CHARACTERS
from gateway.database import UtcDateTime, metadata
from gateway.work.rows import work_columns

requests = Table(
    "inference_requests",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("transaction_id", String(MOST_CHARACTERS), nullable=False, unique=True),
    Column("priority", Integer, nullable=False),
    Column("content", Text, nullable=False),  # without credentials
    Column("had_credentials", Boolean, nullable=False),  # for its sources, whether they are still here or not
    Column("sources_sealed", LargeBinary),
    Column("outputs_sealed", LargeBinary),
    Column("outputs_until", UtcDateTime),  # when the term of those ends
    *work_columns(),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime),
    Column("ended", UtcDateTime),
    Column("waiting_since", UtcDateTime),  # the first try after which nothing new came
    Column("tries", Integer, nullable=False),
    Column("outcome", Text),
    Column("partial", Boolean, nullable=False),
    Column("uploaded", UtcDateTime),
    Index("inference_requests_by_creation", "created"),
    Index("inference_requests_by_state", "state", "ended"),
)

payloads = Table(
    "inference_payloads",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("payload_id", Uuid, nullable=False, unique=True),
    Column("content", LargeBinary, nullable=False),  # its record, compressed JSON
)
