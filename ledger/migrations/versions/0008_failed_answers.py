"""An answer that never arrived left its ticket answered: what it had ended is kept, and given back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for column in ("waited_since", "was_due"):
        op.add_column("outgoing", sa.Column(column, sa.Double(), nullable=True))
    in_vain = sa.text("state = 'failed' AND waited_since IS NOT NULL")
    op.create_index(
        "ix_outgoing_in_vain", "outgoing", ["seq"], unique=False, sqlite_where=in_vain, postgresql_where=in_vain
    )
