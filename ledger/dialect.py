"""Where the two dialects differ in how a statement is written, or in what they make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Dialect, Table, bindparam, literal_column


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


def execute_each(conn: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute `statement` once for each of `rows`: alike in their keys, their values as both drivers take them.

    Handed to the driver as compiled: SQLAlchemy goes through every row's parameters again, a third of an insert's time.
    """
    if not rows:
        return
    sql, order = _compiled(conn.dialect, statement, tuple(rows[0]))
    conn.exec_driver_sql(sql, [tuple([row[name] for name in order]) for row in rows] if order else list(rows))


@lru_cache(maxsize=256)
def _compiled(dialect: Dialect, statement: Any, names: tuple[str, ...]) -> tuple[str, Sequence[str] | None]:
    """The statement's text, and the order of its parameters where they have no names."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), compiled.positiontup
