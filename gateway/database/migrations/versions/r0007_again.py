"""What a payload was announced with is kept, so that it can be said again; operators send payloads to destinations.

What was announced before was not kept: it can't be said again. Every export until now was asked for from outside.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "payload_announcements",
        sa.Column("payload_id", sa.Uuid, primary_key=True),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("times_again", sa.Integer, nullable=False),
        sa.Column("last_again", _Moment),
    )
    with op.batch_alter_table("outbox") as batch:
        batch.add_column(sa.Column("again", _Moment))
    with op.batch_alter_table("operator_commands") as batch:
        batch.add_column(sa.Column("destinations", sa.Text, nullable=False, server_default="[]"))
        batch.add_column(sa.Column("node_id", sa.Uuid))
    with op.batch_alter_table("exports") as batch:
        batch.add_column(sa.Column("origin", sa.String(16), nullable=False, server_default="request"))
