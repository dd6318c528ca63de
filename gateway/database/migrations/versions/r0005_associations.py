"""Associations are kept, and who was refused."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "associations",
        sa.Column("association_id", sa.Uuid, primary_key=True),
        sa.Column("node_id", sa.Uuid, nullable=False),
        sa.Column("calling_ae", sa.String(16), nullable=False),
        sa.Column("called_ae", sa.String(16), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("began", _Moment, nullable=False),
        sa.Column("ended", _Moment, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("codes", sa.String(16), nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("refuses", sa.Boolean, nullable=False),
        sa.Column("contexts_proposed", sa.Integer, nullable=False),
        sa.Column("contexts_accepted", sa.Integer, nullable=False),
        sa.Column("contexts", sa.JSON, nullable=False),
        sa.Column("stored", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("statuses", sa.JSON, nullable=False),
    )
    op.create_index("associations_by_end", "associations", ["ended"])
    op.create_index("associations_by_refusal", "associations", ["refuses", "ended"])
    op.create_index("associations_by_calling_ae", "associations", ["calling_ae", "ended"])
    op.create_index("associations_by_called_ae", "associations", ["called_ae", "ended"])
    op.create_index("associations_by_address", "associations", ["address", "ended"])
    op.create_table(
        "association_payloads",
        sa.Column("association_id", sa.Uuid, primary_key=True),
        sa.Column("payload_id", sa.Uuid, primary_key=True),
    )
    op.create_index("association_payloads_by_payload", "association_payloads", ["payload_id"])
