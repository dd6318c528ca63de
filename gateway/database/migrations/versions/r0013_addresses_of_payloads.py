"""Payloads are listed by the address that fed them without a look at the associations.

What says which association fed a payload gets another name: a dispatcher of before would go on without the addresses.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_Moment = sa.DateTime(timezone=True)
_fed = sa.table("payloads_fed", sa.column("association_id"), sa.column("payload_id"))
_associations = sa.table("associations", sa.column("association_id"), sa.column("address"))
_payloads = sa.table("payloads", sa.column("payload_id"), sa.column("closed"))


def upgrade() -> None:
    op.drop_index("association_payloads_by_payload", "association_payloads")
    op.rename_table("association_payloads", "payloads_fed")
    op.create_index("payloads_fed_by_payload", "payloads_fed", ["payload_id"])
    addresses = op.create_table(
        "payload_addresses",
        sa.Column("payload_id", sa.Uuid, primary_key=True),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("closed", _Moment),
    )
    came_from = (
        sa.select(_fed.c.payload_id, _associations.c.address, _payloads.c.closed)
        .join(_associations, _associations.c.association_id == _fed.c.association_id)
        .outerjoin(_payloads, _payloads.c.payload_id == _fed.c.payload_id)
        .distinct()
    )
    op.execute(sa.insert(addresses).from_select(["payload_id", "address", "closed"], came_from))
    op.create_index("payload_addresses_by_closing", "payload_addresses", ["address", "closed", "payload_id"])
