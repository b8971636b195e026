"""Indexes that no query reads cost every message their writing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table, name in (
        ("outbox", "ix_outbox_message_id"),
        ("outbox", "ix_outbox_published_at"),
        ("outbox", "ix_outbox_desk"),
        ("tickets", "ix_tickets_person_id"),
        ("identities", "ix_identities_person_id"),
    ):
        op.drop_index(name, table_name=table)
    of_desks = sa.text("desk IS NOT NULL")
    op.create_index(
        "ix_outbox_desk",
        "outbox",
        ["desk", "state", "created_at"],
        unique=False,
        sqlite_where=of_desks,
        postgresql_where=of_desks,
    )
