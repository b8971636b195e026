"""With a hundred thousand messages owed, the next and when it is due were looked for among all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    owed = sa.text("state IN ('owed', 'sending')")
    for name, columns in (("ix_outgoing_due", ["account", "due_at"]), ("ix_outgoing_lane", ["conversation", "seq"])):
        op.create_index(name, "outgoing", columns, unique=False, sqlite_where=owed, postgresql_where=owed)
