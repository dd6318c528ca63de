"""Who upgraded what, and columns whose new names keep processes of version 0.1 out.

That version does not look at the revision, and would go on with work that a newer one does in another way. Each of its
statements on this work names these columns: it is refused, and waits until it is replaced.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "gateway_schema_upgrades",
        sa.Column("revision", sa.String(16), primary_key=True),
        sa.Column("program", sa.String(32), nullable=False),
        sa.Column("upgraded", sa.DateTime(timezone=True), nullable=False),
    )
    _rename("payloads", "attempt", "run_number")
    _rename("exports", "epoch", "fencing_token")
    _rename("inference_requests", "epoch", "fencing_token")


def _rename(table: str, column: str, name: str) -> None:
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, new_column_name=name, existing_type=sa.Integer(), existing_nullable=False)
