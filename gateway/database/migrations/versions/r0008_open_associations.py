"""Associations are kept from their beginning: the end of one is the moment at which it was last known.

The column has another name, since an older program would take that moment for an end.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE associations RENAME COLUMN ended TO last_known")
    op.create_index("associations_by_outcome", "associations", ["outcome", "last_known"])
