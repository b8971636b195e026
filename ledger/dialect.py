"""The one place where the two dialects differ in how a statement is written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(conn: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT (both dialects write it alike; SQLAlchemy has a class for each)."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
