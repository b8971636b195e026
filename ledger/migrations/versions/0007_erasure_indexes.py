"""Each erasure, and each look for files that nobody names, read the journal from end to end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table, column in (("journal", "merged_into"), ("journal", "payload_key"), ("attachments", "storage_key")):
        named = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_{table}_{column}", table, [column], unique=False, sqlite_where=named, postgresql_where=named
        )
