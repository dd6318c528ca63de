"""Payloads are found by study, and destinations tell when they last answered.

What was announced before has left the spool: its studies are not known any more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "payload_studies",
        sa.Column("payload_id", sa.Uuid, sa.ForeignKey("payloads.payload_id"), primary_key=True),
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("instances", sa.Integer, nullable=False),
        sa.Column("modalities", sa.String(200), nullable=False),
    )
    op.create_index("payload_studies_by_uid", "payload_studies", ["study_instance_uid"])
    with op.batch_alter_table("payloads") as batch:
        batch.add_column(sa.Column("last_received", _Moment))
    op.create_index("payloads_by_calling_ae", "payloads", ["calling_ae", "closed"])
    op.create_index("payloads_by_called_ae", "payloads", ["called_ae", "closed"])
    op.create_index("payloads_by_what_closed", "payloads", ["closed_by", "closed"])
    op.create_index("exports_by_payload", "exports", ["payload_id"])
    with op.batch_alter_table("destination_circuits") as batch:
        batch.add_column(sa.Column("answered", _Moment))
        batch.add_column(sa.Column("refused_since", _Moment))
        batch.add_column(sa.Column("refusal", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("destination_circuits") as batch:
        batch.alter_column("refusal", server_default=None, existing_type=sa.Text(), existing_nullable=False)
