"""What is not announced is found by an index: it is a handful among all that ever were."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index("payloads_by_state", "payloads", ["state", "closed"])
