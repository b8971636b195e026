"""Where the two dialects differ in how a statement is written, or in what they make of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, literal_column


def upsert(conn: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT (both dialects write it alike; SQLAlchemy has a class for each)."""
    if conn.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert  # with all its drivers' dialects: not where it is not used

    return insert(table)


def is_(state: ColumnElement[str], *names: str) -> ColumnElement[bool]:
    """Whether a state is one of these, written into the statement itself.

    SQLite takes a partial index only where it reads the value in the statement: a parameter could be anything.
    """
    values: list[ColumnElement[str]] = [literal_column(f"'{name}'") for name in names]
    return state == values[0] if len(values) == 1 else state.in_(values)
