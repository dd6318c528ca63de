"""What is counted is kept: running totals, that no removal of rows takes anything from. And the port of a sender."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "totals",
        sa.Column("node_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("labels", sa.String(300), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
    )
    op.add_column("associations", sa.Column("port", sa.Integer))
