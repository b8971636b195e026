"""Where the two dialects differ in how a statement is written, or in what they make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, bindparam, literal_column


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


def once(make: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
    """A statement that each dialect writes in its own way, made once for each.

    To put a statement together costs as much as to execute it; on a message's way all are made once.
    """
    made: dict[str, Any] = {}

    def statement(conn: Connection) -> Any:
        name = conn.dialect.name
        if name not in made:
            made[name] = make(conn)
        return made[name]

    return statement


def any_of(name: str) -> BindParameter[Any]:
    """A parameter that stands for a list, behind IN."""
    return bindparam(name, expanding=True)
