"""Payloads are found by Accession Number and Patient ID, of which digests are kept, and tell when they were stored.

What was taken in before has no digests: it is not found by them, and who asks is told so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "payload_lookups",
        sa.Column("payload_id", sa.Uuid, sa.ForeignKey("payloads.payload_id"), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
    )
    op.create_index("payload_lookups_by_digest", "payload_lookups", ["digest"])
    with op.batch_alter_table("payloads") as batch:
        batch.add_column(sa.Column("uploaded", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("lookup_key", sa.String(16)))
    op.create_index("payloads_by_lookup_key", "payloads", ["lookup_key", "closed"])
