"""Where the two dialects differ in how a statement is written, or in what they make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Exists,
    Insert,
    Select,
    Table,
    any_,
    bindparam,
    literal_column,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

# Of so many rows a COPY, with its own beginning and end, takes longer than INSERTs.
FEW_ROWS = 4


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


_PLAIN_PLANS = text("SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)")


class _Among(ColumnElement[bool]):
    """See `among`."""

    _is_implicitly_boolean = True  # else SQLite gets "= 1" behind it, and reads the whole table
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement), ("name", InternalTraversal.dp_string)]  # noqa: RUF012

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column, self.name = column, name
        self.type = Boolean()


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether the column's value is in the list that is given as the parameter `name`.

    PostgreSQL gets one array: an IN list is another statement for each length, and is planned anew each time.
    """
    return _Among(column, name)


@compiles(_Among)
def _in_list(element: _Among, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.column.in_(bindparam(element.name, expanding=True)), **options))


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: Any, **options: Any) -> str:
    array = bindparam(element.name, type_=ARRAY(element.column.type))
    return str(compiler.process(element.column == any_(array), **options))


def exists_each(select: Select[Any]) -> Exists:
    """EXISTS that is looked up for each row: PostgreSQL would join what is open, all of it, to find a hundred rows."""
    return select.offset(0).exists()


def in_order_of_index(conn: Connection) -> None:
    """For this transaction, ORDER BY … LIMIT follows its index.

    In a burst PostgreSQL's statistics are those of the quiet before it: it would sort what it takes for a few rows, and
    what are a hundred thousand by now, for each batch anew.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_PLAIN_PLANS)


def execute_each(conn: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute `statement` once for each of `rows`: alike in their keys, their values as both drivers take them.

    Handed to the driver as compiled: SQLAlchemy goes through every row's parameters again, a third of an insert's time.
    """
    if not rows:
        return
    sql, order = _compiled(conn.dialect, statement, tuple(rows[0]))
    conn.exec_driver_sql(sql, [tuple([row[name] for name in order]) for row in rows] if order else list(rows))


def insert_each(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, which are alike in their keys.

    PostgreSQL gets more than a few as one COPY: an INSERT is begun, executed and answered anew for every row.
    """
    if conn.dialect.name == "postgresql" and len(rows) > FEW_ROWS:
        _copy(conn, table, rows)
    else:
        execute_each(conn, _insert(table), rows)


def _copy(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    from psycopg import Error  # 10 MB that a process on SQLite does not need

    names = tuple(rows[0])
    sql, types = _copying(conn.dialect, table, names)
    driver: Any = conn.connection.driver_connection
    dialect: Any = conn.dialect
    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row([row[name] for name in names])
    except Error as error:  # SQLAlchemy does not see what goes past it to the driver
        gone = dialect.is_disconnect(error, driver, None)
        if gone:
            conn.invalidate(error)
        raise DBAPIError.instance(sql, None, error, Error, connection_invalidated=gone, dialect=dialect) from None


@lru_cache(maxsize=64)
def _insert(table: Table) -> Insert:
    return table.insert()


@lru_cache(maxsize=64)
def _copying(dialect: Dialect, table: Table, names: tuple[str, ...]) -> tuple[str, list[str]]:
    """The command, and the names of the columns' types: in the binary format the driver may not guess them."""
    types = [table.c[name].type.compile(dialect).lower() for name in names]
    quote = dialect.identifier_preparer.quote_identifier  # `fetch` is a word of SQL
    return f"COPY {quote(table.name)} ({', '.join(map(quote, names))}) FROM STDIN (FORMAT BINARY)", types


@lru_cache(maxsize=256)
def _compiled(dialect: Dialect, statement: Any, names: tuple[str, ...]) -> tuple[str, Sequence[str] | None]:
    """The statement's text, and the order of its parameters where they have no names."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), compiled.positiontup
