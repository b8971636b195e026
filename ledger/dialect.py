"""The one place where the two dialects differ in how a statement is written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table


def upsert(conn: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT (both dialects write it alike; SQLAlchemy has a class for each)."""
    if conn.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert  # with all its drivers' dialects: not where it is not used

    return insert(table)
