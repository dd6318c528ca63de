"""The tables as version 0.1 made them: whatever of them is missing.

That version knew no revisions, and each of its processes made the tables that it used. So a database of its may have
some of them only: it is checked before, and completed here.
"""

from alembic import op
from sqlalchemy.schema import CreateIndex

from gateway.database.migrations.tables_of_0_1 import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=True)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            op.execute(CreateIndex(index, if_not_exists=True))
