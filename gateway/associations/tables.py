"""Where associations are kept: a row for each, and one for each payload that it fed."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
)

from gateway.database import UtcDateTime, metadata

associations = Table(
    "associations",
    metadata,
    Column("association_id", Uuid, primary_key=True),
    Column("node_id", Uuid, nullable=False),
    Column("calling_ae", String(16), nullable=False),
    Column("called_ae", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("port", Integer),  # None: kept by a program that did not note it
    Column("began", UtcDateTime, nullable=False),
    Column("last_known", UtcDateTime, nullable=False),  # its end; of one that is open, when that was last told
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("codes", String(16), nullable=False),
    Column("times", Integer, nullable=False),
    Column("refuses", Boolean, nullable=False),
    Column("contexts_proposed", Integer, nullable=False),
    Column("contexts_accepted", Integer, nullable=False),
    Column("contexts", JSON, nullable=False),
    Column("stored", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("statuses", JSON, nullable=False),
    Index("associations_by_end", "last_known"),
    Index("associations_by_outcome", "outcome", "last_known"),
    Index("associations_by_refusal", "refuses", "last_known"),
    Index("associations_by_calling_ae", "calling_ae", "last_known"),
    Index("associations_by_called_ae", "called_ae", "last_known"),
    Index("associations_by_address", "address", "last_known"),
)

payloads_fed = Table(
    "payloads_fed",
    metadata,
    Column("association_id", Uuid, primary_key=True),
    Column("payload_id", Uuid, primary_key=True),
    Index("payloads_fed_by_payload", "payload_id"),
)
