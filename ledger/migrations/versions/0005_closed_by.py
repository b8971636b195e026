"""A desk's reply that only closes is done once for its id: the ticket may have been opened again meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("closed_by", sa.Text))
