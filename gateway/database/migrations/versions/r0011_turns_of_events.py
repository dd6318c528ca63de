"""Events take their turn by one column, which an index serves: what is said again waits behind what waits already."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_Moment = sa.DateTime(timezone=True)
_outbox = sa.table("outbox", sa.column("turn"), sa.column("timestamp"), sa.column("again"))


def upgrade() -> None:
    with op.batch_alter_table("outbox") as batch:
        batch.add_column(sa.Column("turn", _Moment))
    op.execute(sa.update(_outbox).values(turn=sa.func.coalesce(_outbox.c.again, _outbox.c.timestamp)))
    with op.batch_alter_table("outbox") as batch:
        batch.alter_column("turn", nullable=False)
        batch.drop_column("again")
        batch.drop_index("outbox_by_publication")
        batch.create_index("outbox_by_turn", ["published", "turn"])
